// Package codefile reads files of codes and of members, CSV or JSON, a row at a
// time: however long the file is, and whatever is in it, little of it is in
// memory.
package codefile

// maxRow is the most bytes of a row.
const maxRow = 64 << 10

// Rows gives one row after the other, and io.EOF after the last. What is wrong
// with a single row is in the row; any other error ends the file.
type Rows[R any] interface {
	Next() (R, error)
}
