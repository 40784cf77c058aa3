package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

// What is sealed tells nothing, and opens with the same secret only.
func TestSeal(t *testing.T) {
	t.Parallel()
	seal := auth.NewSeal("one")
	sealed := seal.Close([]byte("whsec_secret"))
	require.NotContains(t, string(sealed), "secret")
	require.NotEqual(t, sealed, seal.Close([]byte("whsec_secret")), "each time another way")
	opened, err := auth.NewSeal("one").Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "whsec_secret", string(opened))
	for _, bad := range [][]byte{nil, sealed[1:], append([]byte("x"), sealed...)} {
		_, err = seal.Open(bad)
		require.ErrorIs(t, err, auth.ErrSeal)
	}
	_, err = auth.NewSeal("two").Open(sealed)
	require.ErrorIs(t, err, auth.ErrSeal)
}
