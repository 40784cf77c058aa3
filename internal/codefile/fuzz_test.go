package codefile_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
)

// Any file is read to its end, or refused as a bad file; every row that is fine
// has a code.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"", "code\nA1\n", "code;user\r\nA1;ann@example.com\r\n", "\ufeffcode\tmax_redemptions\nA1\t2\n", "\"A1\n", "a,b,c\n1,2\n",
		"code,metadata\nA1,\"{\"\"a\"\": 1}\"\n", "A1\x00\n", "\xff\xfe", "PK\x03\x04", "\x1f\x8b", "code,code\nA,B\n", "code,starts_at\nA1,2026-02-30\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := codefile.NewCodes(strings.NewReader(text), codefile.Options{}, "Europe/Madrid")
		for err == nil {
			var row coupon.UploadRow
			if row, err = rows.Next(); err == nil && row.Reason == "" {
				require.NotEmpty(t, row.Normalised)
			}
		}
		if !errors.Is(err, io.EOF) {
			require.ErrorIs(t, err, coupon.ErrBadFile)
		}
	})
}
