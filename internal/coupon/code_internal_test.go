package coupon

import (
	"bufio"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// Without randomness there is no code and no rank, rather than a weak one.
func TestAGeneratorWithoutRandomnessFails(t *testing.T) {
	t.Parallel()
	dry := errors.New("dry")
	generator := Generator{bufio.NewReader(iotest.ErrReader(dry))}
	code, err := generator.Code(Pattern{"SALE-##", "ABCDEFGH"})
	require.ErrorIs(t, err, dry)
	require.Empty(t, code)
	_, err = generator.DrawRank()
	require.ErrorIs(t, err, dry)

	code, err = generator.Code(Pattern{"SALE", "ABCDEFGH"})
	require.NoError(t, err)
	require.Equal(t, "SALE", code)
}
