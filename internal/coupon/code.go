package coupon

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// codeAlphabet has no I, L, O and U, which people mistake for others (Crockford's base 32).
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// DefaultPattern gives codes of 60 random bits.
const DefaultPattern = "####-####-####"

// MaxGenerate is how many codes one job can make.
const MaxGenerate = 5_000_000

// Pattern is a code with a # in each place of a random character.
type Pattern string

// NewPattern checks a pattern for count codes, or tells all its faults.
func NewPattern(text string, count int) (Pattern, error) {
	var wrong faults
	if count < 1 || count > MaxGenerate {
		wrong.add("/count", "must be between 1 and %d", MaxGenerate)
	}
	if len(text) > 64 {
		wrong.add("/pattern", "must have at most 64 characters")
	}
	for i, r := range text {
		if !strings.ContainsRune("#-_.", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			wrong.add("/pattern", "position %d: only letters, digits, -, _, . and # for a random character", i+1)
			break
		}
	}
	if _, err := uuid.Parse(strings.ReplaceAll(text, "#", "0")); err == nil {
		wrong.add("/pattern", "must not look like a UUID: a code could be taken for a coupon's id")
	}
	random := strings.Count(text, "#")
	// At most one in a hundred of the possible codes exists: below that,
	// making them slows down and guessing them pays.
	if need := int(math.Ceil(math.Log(float64(count)*100) / math.Log(float64(len(codeAlphabet))))); random < need {
		wrong.add("/pattern", "needs at least %d random characters (#) for %d codes, has %d", need, count, random)
	}
	return Pattern(text), wrong.err()
}

// Generator makes random codes and draw ranks.
type Generator struct{ random io.Reader }

// NewGenerator reads from crypto/rand in large pieces.
func NewGenerator() Generator { return Generator{bufio.NewReaderSize(rand.Reader, 1<<16)} }

// Code fills the pattern with random characters, each equally likely.
func (g Generator) Code(p Pattern) (string, error) {
	code := []byte(p)
	for i, c := range code {
		if c != '#' {
			continue
		}
		var b [1]byte
		if _, err := io.ReadFull(g.random, b[:]); err != nil {
			return "", err
		}
		code[i] = codeAlphabet[b[0]%byte(len(codeAlphabet))] // 256 is a multiple of 32: no bias
	}
	return string(code), nil
}

// DrawRank is the coupon's random place in the draw: 63 bits.
func (g Generator) DrawRank() (int64, error) {
	var b [8]byte
	_, err := io.ReadFull(g.random, b[:])
	return int64(binary.LittleEndian.Uint64(b[:]) >> 1), err
}

// Normalise returns the form in which codes are compared: NFKC, upper case,
// without spaces and separators.
func Normalise(code string) string {
	bare := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '-', '_', '.':
			return -1
		}
		return r
	}, strings.ToUpper(norm.NFKC.String(code)))
	return norm.NFKC.String(bare) // a mark that stood behind a separator now joins its letter
}
