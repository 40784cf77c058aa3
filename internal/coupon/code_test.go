package coupon_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

// crockford is the alphabet of random characters.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func TestPatterns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pattern string
		count   int
		wrong   []string
	}{
		"the usual one":              {coupon.DefaultPattern, coupon.MaxGenerate, nil},
		"letters of all sorts":       {"Aa9-_.####", 1000, nil},
		"longest":                    {strings.Repeat("#", 64), 1, nil},
		"too long":                   {strings.Repeat("#", 65), 1, []string{"/pattern"}},
		"space":                      {"A ######", 1, []string{"/pattern"}},
		"slash":                      {"A/######", 1, []string{"/pattern"}},
		"umlaut":                     {"Ä######", 1, []string{"/pattern"}},
		"not even text":              {"\xff######", 1, []string{"/pattern"}},
		"NUL":                        {"\x00######", 1, []string{"/pattern"}},
		"nothing random":             {"SPRING", 1, []string{"/pattern"}},
		"empty":                      {"", 1, []string{"/pattern"}},
		"no codes":                   {"######", 0, []string{"/count"}},
		"fewer than none":            {"######", -1, []string{"/count"}},
		"too many codes":             {coupon.DefaultPattern, coupon.MaxGenerate + 1, []string{"/count"}},
		"all of it wrong":            {"ä" + strings.Repeat("-", 64), 0, []string{"/count", "/pattern", "/pattern"}},
		"wrong character, told once": {"äöü######", 1, []string{"/pattern"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pattern, err := coupon.NewPattern(c.pattern, c.count)
			require.Equal(t, c.wrong, pointers(t, err))
			if err == nil {
				require.Equal(t, coupon.Pattern(c.pattern), pattern)
			}
		})
	}
}

// The first wrong character is named by its place, counted from one.
func TestAWrongPatternNamesThePlace(t *testing.T) {
	t.Parallel()
	_, err := coupon.NewPattern("AB!#####", 1)
	var wrong *coupon.Error
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Fields[0].Detail, "position 3:")
}

// A pattern needs as many random characters as make a hundred times the codes
// possible, and not one more.
func TestAPatternsMinimumIsTight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(
			rapid.IntRange(1, coupon.MaxGenerate),
			rapid.SampledFrom([]int{1, 10, 11, 327, 328, 10_485, 10_486, 335_544, 335_545, coupon.MaxGenerate}), // about 32^n/100
		).Draw(t, "count")
		least, possible := 0, 1
		for possible < count*100 {
			least, possible = least+1, possible*32
		}
		_, err := coupon.NewPattern(strings.Repeat("#", least), count)
		require.NoError(t, err)
		_, err = coupon.NewPattern(strings.Repeat("#", least-1), count)
		require.Error(t, err)
	})
}

// patterns draws patterns that NewPattern takes for one code.
func patterns() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z0-9._#-]{0,30}#[A-Za-z0-9._#-]{0,30}#`)
}

// A code is its pattern with each # replaced, and nothing else.
func TestACodeFillsItsPattern(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	rapid.Check(t, func(t *rapid.T) {
		pattern, err := coupon.NewPattern(patterns().Draw(t, "pattern"), 1)
		require.NoError(t, err)
		code, err := generator.Code(pattern)
		require.NoError(t, err)
		require.Len(t, code, len(pattern))
		for i := range len(pattern) {
			if pattern[i] == '#' {
				require.Contains(t, crockford, string(code[i]))
			} else {
				require.Equal(t, pattern[i], code[i])
			}
		}
	})
}

// Each character is equally likely in each place: chi-square with 31 degrees
// of freedom stays below what one honest run in a billion exceeds.
func TestCodesAreUniform(t *testing.T) {
	t.Parallel()
	const rounds, places = 64_000, 3
	generator := coupon.NewGenerator()
	var seen [places][256]int
	for range rounds {
		code, err := generator.Code("###")
		require.NoError(t, err)
		for place := range places {
			seen[place][code[place]]++
		}
	}
	for place := range places {
		const expected = float64(rounds) / 32
		chi := 0.0
		for i := range len(crockford) {
			d := float64(seen[place][crockford[i]]) - expected
			chi += d * d / expected
		}
		require.Less(t, chi, 110.0, "place %d", place)
	}
}

// Places do not depend on one another: the default pattern repeats no code in
// fifty thousand, where one in 32^12 is likely to meet another.
func TestCodesDoNotRepeat(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	shape := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := map[string]bool{}
	for range 50_000 {
		code, err := generator.Code(coupon.DefaultPattern)
		require.NoError(t, err)
		require.Regexp(t, shape, code)
		require.False(t, seen[code], code)
		seen[code] = true
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

// Generated codes are what people type back, in whatever case and spacing.
func TestAGeneratedCodeIsFoundAgain(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	rapid.Check(t, func(t *rapid.T) {
		code, err := generator.Code(coupon.Pattern(patterns().Draw(t, "pattern")))
		require.NoError(t, err)
		require.Equal(t, coupon.Normalise(code), coupon.Normalise(" "+strings.ToLower(strings.ReplaceAll(code, "-", " "))))
	})
}

// A code that looks like a UUID could be taken for a coupon's id.
func TestPatternsThatLookLikeUUIDs(t *testing.T) {
	t.Parallel()
	_, err := coupon.NewPattern("01902f3a-0000-7000-8000-00000000####", 10)
	require.Error(t, err)
}

// A combining mark behind a separator joins its letter, at once and for good.
func TestNormaliseTwice(t *testing.T) {
	t.Parallel()
	once := coupon.Normalise("E-\u0301X")
	require.Equal(t, "\u00c9X", once)
	require.Equal(t, once, coupon.Normalise(once))
}
