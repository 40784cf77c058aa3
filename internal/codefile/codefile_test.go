package codefile_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
)

// all reads a file to its end: its rows, and why it ended.
func all[R any](rows codefile.Rows[R], err error) (read []R, _ error) {
	for err == nil {
		var row R
		if row, err = rows.Next(); err == nil {
			read = append(read, row)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return read, err
}

func readCSV(text string, o codefile.Options) ([]coupon.UploadRow, error) {
	return readCSVIn("UTC", text, o)
}

func readCSVIn(zone, text string, o codefile.Options) ([]coupon.UploadRow, error) {
	rows, err := codefile.NewCodes(strings.NewReader(text), o, zone)
	if err != nil {
		return nil, err
	}
	return all(rows, nil)
}

// short is a row in a few words: line, code and what is wrong.
func short(rows []coupon.UploadRow) (told []string) {
	for _, row := range rows {
		text := fmt.Sprintf("%d %s", row.Line, row.Code)
		if row.Reason != "" {
			text += " " + string(row.Reason)
		}
		told = append(told, text)
	}
	return told
}

// Spreadsheets write the same list in many ways.
func TestCSVAsPeopleSaveIt(t *testing.T) {
	t.Parallel()
	no, yes := false, true
	for name, c := range map[string]struct {
		text    string
		options codefile.Options
		want    []string
	}{
		"only codes":             {"A1\nB2\n", codefile.Options{}, []string{"1 A1", "2 B2"}},
		"no end of line":         {"A1\nB2", codefile.Options{}, []string{"1 A1", "2 B2"}},
		"Windows":                {"A1\r\nB2\r\n", codefile.Options{}, []string{"1 A1", "2 B2"}},
		"old Mac":                {"A1\rB2\r", codefile.Options{}, []string{"1 A1", "2 B2"}},
		"all of them":            {"A1\rB2\nC3\r\nD4", codefile.Options{}, []string{"1 A1", "2 B2", "3 C3", "4 D4"}},
		"the mark of UTF-8":      {"\uFEFFcode\nA1\n", codefile.Options{}, []string{"2 A1"}},
		"a header":               {"Code\nA1\n", codefile.Options{}, []string{"2 A1"}},
		"semicolons":             {"user;code\nann@example.com;A1\n", codefile.Options{}, []string{"2 A1"}},
		"tabs":                   {"code\tmax_redemptions\nA1\t3\n", codefile.Options{}, []string{"2 A1"}},
		"commas in quotes":       {"\"a,b,c\";code\n\"x,y\";A1\n", codefile.Options{Columns: []string{"-", "code"}}, []string{"2 A1"}},
		"empty lines":            {"A1\n\n\nB2\n\n", codefile.Options{}, []string{"1 A1", "4 B2"}},
		"quotes":                 {"code,metadata\n\"A1\",\"{\"\"a\"\": 1}\"\n", codefile.Options{}, []string{"2 A1"}},
		"lines in quotes":        {"code,metadata\nA1,\"{\n}\"\nB2,\n", codefile.Options{}, []string{"2 A1", "4 B2"}},
		"columns that we name":   {"x,A1\ny,B2\n", codefile.Options{Columns: []string{"-", "code"}}, []string{"1 A1", "2 B2"}},
		"over a header":          {"x,y\n1,A1\n", codefile.Options{Columns: []string{"-", "code"}, Header: &yes}, []string{"2 A1"}},
		"a code that reads Code": {"code\nA1\n", codefile.Options{Header: &no}, []string{"1 code", "2 A1"}},
		"a delimiter of one's":   {"code|user\nA1|\n", codefile.Options{Delimiter: '|'}, []string{"2 A1"}},
		"fewer cells":            {"code,user\nA1\n", codefile.Options{}, []string{"2 A1"}},
		"only a header":          {"code\n", codefile.Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := readCSV(c.text, c.options)
			require.NoError(t, err)
			require.Equal(t, c.want, short(rows))
		})
	}
}

// A row that is wrong is refused with its line and the reason; the others go on.
func TestWrongRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 65)
	for row, want := range map[string]string{
		"OK-1,,,,":   "",
		",,,,":       "missing_code",
		"  ,,,,":     "missing_code",
		"A B,,,,":    "malformed",
		"---,,,,":    "malformed",
		"Ä1,,,,":     "malformed",
		"A\x00B,,,,": "malformed",
		"A\xffB,,,,": "malformed",
		"01902f3a-0000-7000-8000-000000000000,,,,": "malformed",
		"A\"B,,,,":                               "malformed",
		"\"A\"B,,,,":                             "malformed",
		"A1,,,,,,":                               "malformed",
		"A1" + strings.Repeat(",", 999):          "malformed",
		long + ",,,,":                            "too_long",
		"A1,no@@mail,,,":                         "bad_user",
		"A1," + strings.Repeat("x", 201) + ",,,": "bad_user",
		"A1,,0,,":                                "bad_limit",
		"A1,,many,,":                             "bad_limit",
		"A1,,1000001,,":                          "bad_limit",
		"A1,,,2026-02-01,,2026-02-30":            "bad_date",
		"A1,,,2026-02-01,,2026-03-01":            "bad_date",
		"A1,,,tomorrow,":                         "bad_date",
		"A1,,,2026-02-30,":                       "bad_date",
		"A1,,,,[1]":                              "bad_metadata",
		"A1,,,,{":                                "bad_metadata",
	} {
		rows, err := readCSV("code,user,max_redemptions,expires_at,metadata,starts_at\n"+row+"\nOK-2,,,,,2026-01-01\n", codefile.Options{})
		require.NoError(t, err, "%q", row)
		require.Len(t, rows, 2, "%q", row)
		require.Equal(t, want, string(rows[0].Reason), "%q", row)
		require.Equal(t, want != "", rows[0].Detail != "", "%q", row)
		require.Equal(t, []int{2, 3}, []int{rows[0].Line, rows[1].Line}, "%q", row)
		require.Equal(t, "OK2", rows[1].Normalised)
		require.NotContains(t, rows[0].Code, "\x00")
		require.Equal(t, strings.ToValidUTF8(rows[0].Code, ""), rows[0].Code)
	}
}

// All cells arrive as what they mean.
func TestCells(t *testing.T) {
	t.Parallel()
	rows, err := readCSVIn("Europe/Madrid", "ends_at,Coupon Code,limit,email,metadata.Shop\n2026-12-24,ａb-1,3,Ann@Example.com,Sol 3\n,B2,,,\n", codefile.Options{})
	require.NoError(t, err)
	first := rows[0]
	require.Equal(t, "ab-1", first.Code)
	require.Equal(t, "AB1", first.Normalised)
	require.Equal(t, 3, *first.MaxRedemptions)
	require.Equal(t, "ann@example.com", first.User.Email)
	require.Equal(t, "2026-12-24T23:00:00Z", first.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z"))
	require.JSONEq(t, `{"Shop": "Sol 3"}`, string(first.Metadata))
	require.Equal(t, coupon.UploadRow{Line: 3, Code: "B2", Normalised: "B2"}, rows[1])
}

// endless goes on for ever with the same bytes.
type endless string

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e[i%len(e)]
	}
	return len(p), nil
}

// What is no list of codes is refused with a sentence, and soon.
func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   io.Reader
		detail string
	}{
		"nothing":                     {strings.NewReader(""), "is empty"},
		"a ZIP":                       {strings.NewReader("PK\x03\x04rest"), "ZIP"},
		"a GZIP":                      {strings.NewReader("\x1f\x8brest"), "compressed"},
		"UTF-16":                      {strings.NewReader("\xff\xfec\x00"), "UTF-16"},
		"UTF-16, the other end":       {strings.NewReader("\xfe\xff\x00c"), "UTF-16"},
		"one line for ever":           {endless("A"), "more than 65536 bytes"},
		"a long line later":           {io.MultiReader(strings.NewReader("code\nA1\n"), endless("A")), "after line 2 has more than"},
		"a quote for ever":            {io.MultiReader(strings.NewReader("code\nA1\n\""), endless("B\n")), "after line 2 has more than"},
		"a quote to the end":          {strings.NewReader("code\nA1\n\"B2\nC3\nD4\n"), "The quote that opens in line 3"},
		"a quote that closes inside":  {strings.NewReader("code\nA1\n\"B2\nC3\"D4\n"), "The quote that opens in line 3"},
		"a broken header":             {strings.NewReader("co\"de\nA1\n"), "Line 1 cannot be read"},
		"a thousand columns":          {strings.NewReader("code" + strings.Repeat(",x", 999) + "\n"), "has 1000 columns"},
		"unknown columns":             {strings.NewReader("code,colour\nA1,red\n"), "Column 2 is called \"colour\""},
		"two columns of codes":        {strings.NewReader("code,code\nA1,B2\n"), "two columns"},
		"columns that say nothing":    {strings.NewReader("A1,B2\n"), "does not say what its 2 columns are"},
		"a header without codes":      {strings.NewReader("user,expires_at\n"), "does not say"},
		"a file that cannot be read":  {iotest.ErrReader(errors.New("cut off")), "cut off"},
		"a file that is cut off":      {io.MultiReader(strings.NewReader("code\nA1\nB2"), iotest.ErrReader(errors.New("cut off"))), "cut off"},
		"a metadata column of no key": {strings.NewReader("code,metadata.\n"), "Column 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := codefile.NewCodes(c.file, codefile.Options{}, "UTC")
			if err == nil {
				_, err = all(rows, nil)
			}
			require.ErrorContains(t, err, c.detail)
			require.Equal(t, !strings.Contains(c.detail, "cut off"), errors.Is(err, coupon.ErrBadFile))
		})
	}
}

// Columns that are named by the caller are checked like a header.
func TestColumnsOfOnesOwn(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"-"}, {"user"}, {"code", "colour"}, {"code", "code"}} {
		_, err := readCSV("A1,B2\n", codefile.Options{Columns: names})
		require.ErrorIs(t, err, coupon.ErrBadFile, "%v", names)
	}
}

// A file of any length takes no more memory than a short one.
func TestALongFileIsReadInLittleMemory(t *testing.T) {
	t.Parallel()
	before, most := heap(), uint64(0)
	rows, err := codefile.NewCodes(io.LimitReader(io.MultiReader(strings.NewReader("code,user\n"), endless("ABCDEFGH,someone-0123456789\r\n")), 64<<20), codefile.Options{}, "UTC")
	require.NoError(t, err)
	n := 0
	for ; err == nil; n++ {
		if _, err = rows.Next(); n%200_000 == 0 {
			most = max(most, heap())
		}
	}
	require.ErrorIs(t, err, io.EOF)
	require.Greater(t, n, 1_000_000)
	require.Less(t, int64(most)-int64(before), int64(16<<20))
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestJSON(t *testing.T) {
	t.Parallel()
	read := func(text string) ([]coupon.UploadRow, error) {
		rows, err := codefile.NewJSON(strings.NewReader(text), "UTC")
		if err != nil {
			return nil, err
		}
		return all(rows, nil)
	}
	rows, err := read(`{"codes": ["A1", {"code": "B2", "user": "ann", "max_redemptions": 2, "expires_at": "2026-12-24", "metadata": {"a": 1}},
		{"code": "C3", "colour": "red"}, 7, "", null, {"code": "D4", "metadata": null}, {"code": "E5", "max_redemptions": 1.5}]}`)
	require.NoError(t, err)
	require.Equal(t, []string{"1 A1", "2 B2", "3 C3 malformed", "4  malformed", "5  missing_code", "6  missing_code", "7 D4", "8 E5 bad_limit"}, short(rows))
	require.Equal(t, "ann", rows[1].User.ExternalID)
	require.Equal(t, 2, *rows[1].MaxRedemptions)

	for text, detail := range map[string]string{
		``: "ends too early", `{"codes": ["A1"`: "ends too early", `{"codes": ["A1"]`: "ends too early", `["A1"]`: "must be", `{"code": []}`: "must be",
		`{"codes": {}}`: "must be", `{"codes": ["A1"]} more`: "follows", `{"codes": [A1]}`: "broken after", `{"codes": ["A1"], "x": 1}`: "follows",
	} {
		_, err := read(text)
		require.ErrorIs(t, err, coupon.ErrBadFile, text)
		require.ErrorContains(t, err, detail, text)
	}
}
