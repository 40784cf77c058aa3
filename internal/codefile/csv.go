package codefile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"couponbook/internal/coupon"
)

// Options say how a CSV file is written. The zero value lets it tell by itself.
type Options struct {
	Delimiter rune     // 0: comma, semicolon or tab, whichever the first line has most of
	Columns   []string // what the columns are, by their place; nil: as the header says
	Header    *bool    // whether there is one; nil: if the first row has a column that is called code
}

// CSV reads rows of CSV (RFC 4180): UTF-8, with or without its mark, lines that
// end in LF, CRLF or CR.
type CSV[R any] struct {
	layout  layout[R]
	rows    *csv.Reader
	guard   *guard
	columns columns
	first   []string // the first row, if it is no header
	line    int
}

// newCSV reads the beginning of a file. It fails with ErrBadFile where that is
// no CSV, or does not say where what matters most is.
func newCSV[R any](file io.Reader, o Options, l layout[R]) (*CSV[R], error) {
	buffered := bufio.NewReaderSize(file, maxRow)
	if err := checkBeginning(buffered); err != nil {
		return nil, err
	}
	if o.Delimiter == 0 {
		o.Delimiter = delimiter(buffered)
	}
	c := &CSV[R]{layout: l, guard: &guard{file: &newlines{file: buffered}, left: maxRow}}
	c.rows = csv.NewReader(c.guard)
	c.rows.Comma, c.rows.FieldsPerRecord, c.rows.ReuseRecord = o.Delimiter, -1, true
	cells, err := c.read()
	if errors.Is(err, io.EOF) {
		return nil, coupon.ErrBadFile.With("The file is empty: send one with a %s in each row.", l.names[0])
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, coupon.ErrBadFile.With("Line %d cannot be read: %s.", broken.StartLine, broken.Err)
	}
	if err != nil {
		return nil, err
	}
	return c, c.start(cells, o)
}

// start decides what the first row is.
func (c *CSV[R]) start(cells []string, o Options) (err error) {
	header := c.layout.isHeader(cells)
	if o.Header != nil {
		header = *o.Header
	}
	names := o.Columns
	switch {
	case names != nil:
	case header:
		names = cells
	case len(cells) == 1:
		names = c.layout.names[:1]
	default:
		return coupon.ErrBadFile.With("The first row does not say what its %d columns are: add a header with a column called %s, or send columns.", len(cells), c.layout.names[0])
	}
	if !header {
		c.first = append([]string(nil), cells...)
	}
	c.columns, err = c.layout.columns(names)
	return err
}

// Next returns the next row, or io.EOF.
func (c *CSV[R]) Next() (row R, err error) {
	cells := c.first
	if c.first = nil; cells == nil {
		cells, err = c.read()
	}
	if broken, ok := errors.AsType[*csv.ParseError](err); ok {
		if c.line = broken.StartLine; errors.Is(broken.Err, csv.ErrQuote) && broken.Line > broken.StartLine {
			return row, coupon.ErrBadFile.With("The quote that opens in line %d is not closed where a cell can end.", c.line)
		}
		return c.layout.refused(c.line, c.columns.get(cells, c.layout.names[0]), broken.Err.Error()), nil
	}
	if err != nil {
		return row, err
	}
	if len(cells) > len(c.columns) {
		detail := fmt.Sprintf("has %d cells for %d columns", len(cells), len(c.columns))
		return c.layout.refused(c.line, c.columns.get(cells, c.layout.names[0]), detail), nil
	}
	return c.layout.row(c.line, c.columns, cells)
}

// read reads a record, at most maxRow of it.
func (c *CSV[R]) read() ([]string, error) {
	cells, err := c.rows.Read()
	if c.guard.tripped {
		line, _ := c.rows.FieldPos(0)
		return nil, coupon.ErrBadFile.With("A row after line %d has more than %d bytes: is a quote not closed, or is this no CSV?", max(c.line, line-1), maxRow)
	}
	c.guard.left = maxRow
	if err == nil {
		c.line, _ = c.rows.FieldPos(0)
	}
	return cells, err
}

// checkBeginning refuses what is no text, by its first bytes, and passes over
// the mark of UTF-8.
func checkBeginning(file *bufio.Reader) error {
	start, err := file.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for mark, what := range map[string]string{
		"PK\x03\x04": "a ZIP archive or a spreadsheet", "\x1f\x8b": "compressed", "\xff\xfe": "in UTF-16", "\xfe\xff": "in UTF-16",
	} {
		if bytes.HasPrefix(start, []byte(mark)) {
			return coupon.ErrBadFile.With("The file is %s: send plain CSV in UTF-8.", what)
		}
	}
	if bytes.HasPrefix(start, []byte("\uFEFF")) {
		_, err = file.Discard(len("\uFEFF"))
		return err
	}
	return nil
}

// delimiter is what the first line has most of, outside of quotes.
func delimiter(file *bufio.Reader) rune {
	start, _ := file.Peek(maxRow)
	most, best := 0, ','
	for _, candidate := range ",;\t" {
		if n := inFirstLine(start, byte(candidate)); n > most {
			most, best = n, candidate
		}
	}
	return best
}

// inFirstLine counts a character outside of quotes.
func inFirstLine(text []byte, candidate byte) (n int) {
	quoted := false
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == candidate:
			n++
		case c == '\n' || c == '\r':
			return n
		}
	}
	return n
}

// guard lets only so much through before it is told that a row has ended.
type guard struct {
	file    io.Reader
	left    int
	tripped bool
}

func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		g.tripped = true
		return 0, io.ErrShortBuffer
	}
	n, err := g.file.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// newlines makes every end of a line an LF.
type newlines struct {
	file  io.Reader
	wasCR bool
}

func (l *newlines) Read(p []byte) (int, error) {
	for {
		n, err := l.file.Read(p)
		kept := 0
		for _, c := range p[:n] {
			skip := c == '\n' && l.wasCR
			if l.wasCR = c == '\r'; l.wasCR {
				c = '\n'
			}
			if !skip {
				p[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil || n == 0 {
			return kept, err
		}
	}
}
