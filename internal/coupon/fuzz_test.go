package coupon_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// Any text normalises to one form, which stays as it is; spaces, separators and
// case make no other.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"", "SUMMER-1234", " summer 1234 ", "o0Il1", "ſ", "İ", "\xff\x00", "Ａ１", "a\u0301", "🎟️"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		normal := coupon.Normalise(text)
		require.Equal(t, normal, coupon.Normalise(normal))
		require.NotContains(t, normal, "\x00")
		if !strings.ContainsFunc(normal, func(r rune) bool { return r > unicode.MaxASCII }) { // as codes are
			require.Equal(t, normal, coupon.Normalise(strings.ToLower(normal)))
		}
		require.NotEmpty(t, coupon.Readings(normal))
	})
}

// Any pattern is refused with its faults, or makes codes that fit it.
func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{"", "SUMMER-####-####", "{}", "{6}-{}", "{99999999999}", "{-1}", "{{}}", "##\x00", "é#", strings.Repeat("#", 300)} {
		f.Add(seed, "PRE-", "", 8, "crockford32", "")
	}
	f.Add("####", "", "-X", 0, "", "ABCDEFGH")
	f.Fuzz(func(t *testing.T, pattern, prefix, suffix string, length int, charset, characters string) {
		p, err := coupon.NewPattern(coupon.CodeFormat{
			Pattern: pattern, Prefix: prefix, Suffix: suffix, Length: length, Charset: charset, Characters: characters,
		})
		if err != nil {
			require.ErrorIs(t, err, coupon.InvalidInput())
			return
		}
		_ = p.CheckFor(1000, false)
		code, err := coupon.NewGenerator().Code(p)
		require.NoError(t, err)
		require.Len(t, code, len(p.Template))
		require.NotEmpty(t, coupon.Normalise(code))
	})
}
