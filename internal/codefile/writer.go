package codefile

import (
	"encoding/csv"
	"io"
	"strings"
)

// Writer writes CSV that spreadsheets show as it is: a cell that they would
// take for a formula begins with an apostrophe.
type Writer struct{ rows *csv.Writer }

// NewWriter writes the header first.
func NewWriter(file io.Writer, header ...string) (*Writer, error) {
	w := &Writer{csv.NewWriter(file)}
	return w, w.rows.Write(header)
}

// Write writes a row.
func (w *Writer) Write(cells ...string) error {
	for i, cell := range cells {
		if strings.HasPrefix(cell, "\uFEFF") || cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
			cells[i] = "'" + cell
		}
	}
	return w.rows.Write(cells)
}

// Flush sends what is buffered, and returns the first failure of any write.
func (w *Writer) Flush() error {
	w.rows.Flush()
	return w.rows.Error()
}
