package coupon_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

// crockford is the alphabet of random characters.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Each character of an alphabet is equally likely in each place, also where its
// size does not divide 256: chi-square stays below mean plus ten deviations,
// which an honest run does not exceed in a billion.
func TestCodesAreUniform(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	for _, alphabet := range []string{crockford, "0123456789", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHJKM"} {
		const rounds, places = 64_000, 3
		var seen [places][256]int
		for range rounds {
			code, err := generator.Code(coupon.Pattern{Template: "###", Alphabet: alphabet})
			require.NoError(t, err)
			for place := range places {
				seen[place][code[place]]++
			}
		}
		free := float64(len(alphabet) - 1)
		for place := range places {
			expected, chi := float64(rounds)/float64(len(alphabet)), 0.0
			for i := range len(alphabet) {
				d := float64(seen[place][alphabet[i]]) - expected
				chi += d * d / expected
			}
			require.Less(t, chi, free+10*math.Sqrt(2*free), "%s, place %d", alphabet, place)
		}
	}
}

// Draw ranks are 63 random bits: never negative, each bit as often set as not.
func TestDrawRanks(t *testing.T) {
	t.Parallel()
	const rounds = 20_000
	generator := coupon.NewGenerator()
	var set [63]int
	for range rounds {
		rank, err := generator.DrawRank()
		require.NoError(t, err)
		require.GreaterOrEqual(t, rank, int64(0))
		for bit := range set {
			set[bit] += int(rank >> bit & 1)
		}
	}
	for bit, n := range set {
		require.InDelta(t, rounds/2, n, rounds*0.05, "bit %d", bit) // 14 standard deviations
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                          "",
		"ABCD-EFGH-JKMN":            "ABCDEFGHJKMN",
		"abcd efgh\tjkmn":           "ABCDEFGHJKMN",
		"ab_cd.ef-gh":               "ABCDEFGH",
		"\u00a0ab\u3000cd\u2003":    "ABCD", // spaces of other sorts
		"\uff21\uff42\uff11\uff0d9": "AB19", // full width, as Japanese keyboards type
		"\u2460\u2461":              "12",
		"\ufb01ne":                  "FINE", // a ligature
		"e\u0301te\u0301":           "\u00c9T\u00c9",
		"stra\u00dfe":               "STRA\u00dfE",
		"-_. \t":                    "",
	} {
		require.Equal(t, want, coupon.Normalise(typed), "%q", typed)
	}
}

// typed draws codes as people type them: any letters, precomposed, among
// separators and spaces.
func typed() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.OneOf(
		rapid.RuneFrom([]rune(crockford+"abcdefghijklmnopqrstuvwxyz")),
		rapid.RuneFrom([]rune(" \t-_.\u00a0\u3000\u2003\uff0d\uff0e\uff3f")),
		rapid.RuneFrom([]rune("éèüßøñçžŁİıſK\ufb01\u2460\u2126\uff21\uff42\u01c6дЖλΩ中あア한")),
	), 0, 40, -1)
}

// Normalising twice is normalising once, and case and separators never matter.
func TestNormaliseIsAForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := typed().Draw(t, "code")
		normal := coupon.Normalise(code)
		require.Equal(t, normal, coupon.Normalise(normal))
		require.Equal(t, normal, coupon.Normalise(strings.ToUpper(code)))
		require.NotRegexp(t, `[-_. \t]`, normal)
		cut := rapid.IntRange(0, len([]rune(normal))).Draw(t, "cut")
		runes := []rune(normal)
		require.Equal(t, normal, coupon.Normalise(string(runes[:cut])+" - "+string(runes[cut:])))
	})
}

// A combining mark behind a separator joins its letter, at once and for good.
func TestNormaliseTwice(t *testing.T) {
	t.Parallel()
	once := coupon.Normalise("E-\u0301X")
	require.Equal(t, "\u00c9X", once)
	require.Equal(t, once, coupon.Normalise(once))
}
