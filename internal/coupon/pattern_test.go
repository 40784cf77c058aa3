package coupon_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format   coupon.CodeFormat
		template string
	}{
		"the usual one":          {coupon.CodeFormat{}, "####-####-####"},
		"around the usual one":   {coupon.CodeFormat{Prefix: "A-", Suffix: ".z"}, "A-####-####-####.z"},
		"letters of all sorts":   {coupon.CodeFormat{Pattern: "Aa9-_.####"}, "Aa9-_.####"},
		"longest":                {coupon.CodeFormat{Pattern: strings.Repeat("#", 64)}, strings.Repeat("#", 64)},
		"a group":                {coupon.CodeFormat{Pattern: "SUMMER-{}"}, "SUMMER-########"},
		"groups of a length":     {coupon.CodeFormat{Pattern: "{}-{}", Length: 3}, "###-###"},
		"groups of their own":    {coupon.CodeFormat{Pattern: "{2}-{12}#", Length: 3}, "##-#############"},
		"only a length":          {coupon.CodeFormat{Length: 6}, "######"},
		"prefix, length, suffix": {coupon.CodeFormat{Prefix: "P", Length: 2, Suffix: "S"}, "P##S"},
		"one random character":   {coupon.CodeFormat{Pattern: "SALE{1}"}, "SALE#"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pattern, err := coupon.NewPattern(c.format)
			require.NoError(t, err)
			require.Equal(t, c.template, pattern.Template)
			require.Equal(t, crockford, pattern.Alphabet)
			require.Equal(t, strings.Count(c.template, "#"), pattern.Random())
		})
	}
}

func TestWrongPatterns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format coupon.CodeFormat
		wrong  []string
	}{
		"too long":                   {coupon.CodeFormat{Pattern: strings.Repeat("#", 65)}, []string{"/pattern"}},
		"too long by its prefix":     {coupon.CodeFormat{Pattern: strings.Repeat("#", 64), Prefix: "A"}, []string{"/pattern"}},
		"too long by a group":        {coupon.CodeFormat{Pattern: "{65}"}, []string{"/pattern"}},
		"an endless group":           {coupon.CodeFormat{Pattern: "{999999999999}"}, []string{"/pattern"}},
		"a group of nothing":         {coupon.CodeFormat{Pattern: "{0}"}, []string{"/pattern"}},
		"a group of letters":         {coupon.CodeFormat{Pattern: "{x}"}, []string{"/pattern"}},
		"a group without an end":     {coupon.CodeFormat{Pattern: "A{4"}, []string{"/pattern"}},
		"a group without a start":    {coupon.CodeFormat{Pattern: "A4}#"}, []string{"/pattern"}},
		"space":                      {coupon.CodeFormat{Pattern: "A ######"}, []string{"/pattern"}},
		"slash":                      {coupon.CodeFormat{Pattern: "A/######"}, []string{"/pattern"}},
		"umlaut":                     {coupon.CodeFormat{Pattern: "Ä######"}, []string{"/pattern"}},
		"not even text":              {coupon.CodeFormat{Pattern: "\xff######"}, []string{"/pattern"}},
		"NUL":                        {coupon.CodeFormat{Pattern: "\x00######"}, []string{"/pattern"}},
		"nothing random":             {coupon.CodeFormat{Pattern: "SPRING"}, []string{"/pattern"}},
		"random in the prefix":       {coupon.CodeFormat{Prefix: "#", Suffix: "{}"}, []string{"/prefix", "/suffix"}},
		"wrong length":               {coupon.CodeFormat{Length: -1}, []string{"/length"}},
		"longer than a code":         {coupon.CodeFormat{Length: 65}, []string{"/length"}},
		"wrong character, told once": {coupon.CodeFormat{Pattern: "äöü######"}, []string{"/pattern"}},
		"unknown charset":            {coupon.CodeFormat{Charset: "klingon"}, []string{"/charset"}},
		"charset and characters":     {coupon.CodeFormat{Charset: "digits", Characters: "ABCDEFGH"}, []string{"/characters"}},
		"seven characters":           {coupon.CodeFormat{Characters: "ABCDEFG"}, []string{"/characters"}},
		"twice the same":             {coupon.CodeFormat{Characters: "ABCDEFGHa"}, []string{"/characters"}},
		"signs":                      {coupon.CodeFormat{Characters: "ABCDEFGH-"}, []string{"/characters"}},
		"like a UUID":                {coupon.CodeFormat{Pattern: "01902f3a-0000-7000-8000-00000000####"}, []string{"/pattern"}},
		"all of it":                  {coupon.CodeFormat{Pattern: "Ä", Prefix: "ß", Suffix: "Ö", Charset: "x"}, []string{"/prefix", "/suffix", "/pattern", "/charset"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := coupon.NewPattern(c.format)
			require.Equal(t, c.wrong, pointers(t, err))
		})
	}
}

// The first wrong character is named by its place, counted from one.
func TestAWrongPatternNamesThePlace(t *testing.T) {
	t.Parallel()
	for format, detail := range map[coupon.CodeFormat]string{
		{Pattern: "AB!#####"}: "position 3:", {Pattern: "{2}-{}Ö"}: "position 7:", {Prefix: "A/"}: "position 2:",
	} {
		_, err := coupon.NewPattern(format)
		var wrong *coupon.Error
		require.ErrorAs(t, err, &wrong)
		require.Contains(t, wrong.Fields[0].Detail, detail)
	}
}

// A pattern needs as many random characters as leave one guess in a million
// for its codes, or half of the keyspace free; and not one more.
func TestAPatternsMinimumIsTight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.OneOf(
			rapid.IntRange(1, coupon.MaxGenerate),
			rapid.SampledFrom([]int{1, 10, 33, 34, 1073, 1074, 34_359, 34_360, 1_099_511, 1_099_512, coupon.MaxGenerate}), // about 32^n/10^6
		).Draw(t, "count")
		guessable := rapid.Bool().Draw(t, "guessable")
		enough := count * 1_000_000
		if guessable {
			enough = count * 2
		}
		charset := rapid.SampledFrom(coupon.Charsets).Draw(t, "charset")
		least, possible := 0, 1
		for possible < enough {
			least, possible = least+1, possible*len(charset.Characters)
		}
		check := func(n int) error {
			pattern := coupon.Pattern{Template: strings.Repeat("#", n), Alphabet: charset.Characters}
			require.Equal(t, least, pattern.Needs(count, guessable))
			return pattern.CheckFor(count, guessable)
		}
		require.NoError(t, check(least))
		require.ErrorContains(t, check(least-1), "input")
	})
}

// What is too short tells the shortest that would do; numbers out of range are
// refused whatever the pattern.
func TestAShortPatternTellsWhatWouldDo(t *testing.T) {
	t.Parallel()
	detail := func(pattern coupon.Pattern, count int, guessable bool) string {
		var wrong *coupon.Error
		require.ErrorAs(t, pattern.CheckFor(count, guessable), &wrong)
		return wrong.Fields[0].Pointer + " " + wrong.Fields[0].Detail
	}
	pattern := coupon.Pattern{Template: "SALE-###", Alphabet: crockford}
	require.Equal(t, "/pattern needs at least 6 random characters for 100 codes, has 3: one guess in 328 would meet a code; make it longer, or set allow_guessable",
		detail(pattern, 100, false))
	require.Equal(t, "/pattern needs at least 4 random characters for 100000 codes, has 3", detail(pattern, 100_000, true))
	for _, count := range []int{-1, 0, coupon.MaxGenerate + 1} {
		require.Contains(t, detail(pattern, count, true), "/count must be between 1 and 5000000")
	}
	require.InDelta(t, 15, pattern.Bits(), 1e-9)
	require.InDelta(t, 32768, pattern.Keyspace(), 1e-6)
}

// formats draws patterns that are right.
func formats() *rapid.Generator[coupon.CodeFormat] {
	return rapid.Custom(func(t *rapid.T) coupon.CodeFormat {
		return coupon.CodeFormat{
			Pattern: rapid.StringMatching(`[A-Za-z0-9._#-]{0,30}(#|\{\}|\{9\}){1,2}`).Draw(t, "pattern"),
			Length:  rapid.IntRange(0, 9).Draw(t, "length"),
			Charset: rapid.SampledFrom(coupon.Charsets).Draw(t, "charset").Name,
		}
	})
}

// A code is its template with each # replaced by a character of the alphabet.
func TestACodeFillsItsPattern(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	rapid.Check(t, func(t *rapid.T) {
		pattern, err := coupon.NewPattern(formats().Draw(t, "format"))
		require.NoError(t, err)
		code, err := generator.Code(pattern)
		require.NoError(t, err)
		require.Len(t, code, len(pattern.Template))
		for i := range len(code) {
			if pattern.Template[i] == '#' {
				require.Contains(t, pattern.Alphabet, string(code[i]))
			} else {
				require.Equal(t, pattern.Template[i], code[i])
			}
		}
	})
}

// Generated codes are what people type back, in whatever case and spacing, and
// with the letters that look like the digits of the default charset.
func TestAGeneratedCodeIsFoundAgain(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	rapid.Check(t, func(t *rapid.T) {
		pattern, err := coupon.NewPattern(formats().Draw(t, "format"))
		require.NoError(t, err)
		code, err := generator.Code(pattern)
		require.NoError(t, err)
		require.Equal(t, coupon.Normalise(code), coupon.Normalise(" "+strings.ToLower(strings.ReplaceAll(code, "-", " "))))
	})
	require.Contains(t, coupon.Readings(coupon.Normalise("welcome-l0o1")), "WELCOME1001")
	require.Equal(t, []string{"LOXO1", "LOX01", "L0X01", "10X01"}, coupon.Readings("LOXO1"))
	require.Equal(t, []string{"7X01"}, coupon.Readings("7X01"))
}

// The default pattern repeats no code in fifty thousand, where one in 32^12 is
// likely to meet another: places do not depend on one another.
func TestCodesDoNotRepeat(t *testing.T) {
	t.Parallel()
	generator := coupon.NewGenerator()
	pattern, err := coupon.NewPattern(coupon.CodeFormat{})
	require.NoError(t, err)
	shape := regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)
	seen := map[string]bool{}
	for range 50_000 {
		code, err := generator.Code(pattern)
		require.NoError(t, err)
		require.Regexp(t, shape, code)
		require.False(t, seen[code], code)
		seen[code] = true
	}
}
