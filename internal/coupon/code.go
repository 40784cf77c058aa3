package coupon

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"io"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Generator makes random codes and draw ranks.
type Generator struct{ random *bufio.Reader }

// NewGenerator reads from crypto/rand in large pieces.
func NewGenerator() Generator { return Generator{bufio.NewReaderSize(rand.Reader, 1<<16)} }

// Code fills the pattern with random characters, each equally likely.
func (g Generator) Code(p Pattern) (string, error) {
	code := []byte(p.Template)
	for i, c := range code {
		if c != '#' {
			continue
		}
		n, err := g.below(len(p.Alphabet))
		if err != nil {
			return "", err
		}
		code[i] = p.Alphabet[n]
	}
	return string(code), nil
}

// below draws a number from 0 to n-1, n at most 256. A byte of the uneven rest
// is drawn again: kept, it would make some numbers likelier.
func (g Generator) below(n int) (int, error) {
	for {
		b, err := g.random.ReadByte()
		if err != nil || int(b) < 256-256%n {
			return int(b) % n, err
		}
	}
}

// DrawRank is the coupon's random place in the draw: 63 bits.
func (g Generator) DrawRank() (int64, error) {
	var b [8]byte
	_, err := io.ReadFull(g.random, b[:])
	return int64(binary.LittleEndian.Uint64(b[:]) >> 1), err
}

// Normalise returns the form in which codes are compared: NFKC, upper case,
// without spaces, separators, and NUL, which Postgres cannot compare.
func Normalise(code string) string {
	bare := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '-', '_', '.', 0:
			return -1
		}
		return r
	}, strings.ToUpper(norm.NFKC.String(code)))
	return norm.NFKC.String(bare) // a mark that stood behind a separator now joins its letter
}

// Readings are the ways to read a code that somebody typed: as it stands, and
// with the letters O, I and L from some place on as the digits they look like.
// Codes have a prefix of words and then random characters; the usual ones have
// none of these letters.
func Readings(normalised string) []string {
	all := []string{normalised}
	mended := []byte(normalised)
	for i := len(mended) - 1; i >= 0; i-- {
		switch mended[i] {
		case 'O':
			mended[i] = '0'
		case 'I', 'L':
			mended[i] = '1'
		default:
			continue
		}
		all = append(all, string(mended))
	}
	return all
}
