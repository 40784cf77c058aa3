package coupon

import (
	"math"
	"strings"

	"github.com/google/uuid"
)

const (
	// MaxGenerate is how many codes one job can make.
	MaxGenerate = 5_000_000
	// MaxCode is the most characters of a code.
	MaxCode = 64
	// maxOdds is how likely a guess may meet one of the codes of a job.
	maxOdds = 1e-6

	defaultPattern = "####-####-####" // 60 random bits
	defaultLength  = 8                // of a {} group
	defaultCharset = "crockford32"
)

// Charsets are the alphabets that have a name. The first one is the default:
// without I, L, O and U, which people take for others.
var Charsets = []Charset{
	{defaultCharset, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"},
	{"base32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"}, // RFC 4648
	{"alnum", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
	{"digits", "0123456789"},
}

// Charset is an alphabet of random characters.
type Charset struct{ Name, Characters string }

// CodeFormat says what generated codes look like. The zero value makes the
// usual ones.
type CodeFormat struct {
	Pattern        string // # is a random character, {} a group of Length, {6} one of six; empty: one group, or the usual pattern
	Prefix, Suffix string // around the pattern
	Length         int    // of {} groups; 0: eight
	Charset        string // one of Charsets; empty: the first
	Characters     string // instead of a charset: 8 to 36 different letters and digits
	AllowGuessable bool   // although a guess in a million would meet a code
}

// Pattern is a code with a # in each place of a random character.
type Pattern struct {
	Template string `json:"template"`
	Alphabet string `json:"alphabet"`
}

// NewPattern reads a format, or tells all its faults.
func NewPattern(f CodeFormat) (Pattern, error) {
	var wrong faults
	p := Pattern{Template: f.template(&wrong), Alphabet: f.alphabet(&wrong)}
	if len(p.Template) > MaxCode {
		wrong.add("/pattern", "makes codes of %d characters: at most %d are allowed", len(p.Template), MaxCode)
	}
	if looksLikeID(strings.ReplaceAll(p.Template, "#", "0")) {
		wrong.add("/pattern", "must not look like a UUID: a code could be taken for a coupon's id")
	}
	if len(wrong) == 0 && p.Random() == 0 {
		wrong.add("/pattern", "needs random characters: # for one, {} for a group")
	}
	return p, wrong.err()
}

func (f CodeFormat) template(wrong *faults) string {
	if f.Length < 0 || f.Length > MaxCode {
		wrong.add("/length", "must be between 1 and %d", MaxCode)
		return ""
	}
	literal(wrong, "/prefix", f.Prefix)
	literal(wrong, "/suffix", f.Suffix)
	pattern := f.Pattern
	switch {
	case pattern == "" && f.Length > 0:
		pattern = "{}"
	case pattern == "":
		pattern = defaultPattern
	}
	return f.Prefix + f.expand(wrong, pattern) + f.Suffix
}

// expand replaces the groups of a pattern by as many #.
func (f CodeFormat) expand(wrong *faults, pattern string) string {
	var out strings.Builder
	length := defaultLength
	if f.Length > 0 {
		length = f.Length
	}
	for rest, place := pattern, 1; rest != ""; {
		if n, size, ok := group(rest); ok {
			if n == 0 {
				n = length
			}
			out.WriteString(strings.Repeat("#", min(n, MaxCode+1)))
			rest, place = rest[size:], place+size
			continue
		}
		if rest[0] != '#' && !literalByte(rest[0]) {
			wrong.add("/pattern", "position %d: only letters, digits, -, _, ., # for a random character and {} or {6} for a group of them", place)
			return out.String()
		}
		out.WriteByte(rest[0])
		rest, place = rest[1:], place+1
	}
	return out.String()
}

// group reads a {} or {12} at the beginning of text: how many characters it
// stands for, 0 if it does not say, and how long it is itself.
func group(text string) (n, size int, ok bool) {
	rest, opened := strings.CutPrefix(text, "{")
	inside, _, closed := strings.Cut(rest, "}")
	if !opened || !closed || len(inside) > 2 {
		return 0, 0, false
	}
	for _, digit := range inside {
		if digit < '0' || digit > '9' {
			return 0, 0, false
		}
		n = n*10 + int(digit-'0')
	}
	return n, len("{}") + len(inside), n > 0 || inside == ""
}

func literal(wrong *faults, pointer, text string) {
	for i := range len(text) {
		if !literalByte(text[i]) {
			wrong.add(pointer, "position %d: only letters, digits, -, _ and .", i+1)
			return
		}
	}
}

// literalByte: what a code can have without being escaped in a URL.
func literalByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' || c == '.'
}

func (f CodeFormat) alphabet(wrong *faults) string {
	if f.Characters != "" {
		if f.Charset != "" {
			wrong.add("/characters", "cannot come with charset: leave one of them out")
		}
		seen := map[rune]bool{}
		for _, c := range strings.ToUpper(f.Characters) {
			if seen[c] || (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
				wrong.add("/characters", "must be different letters and digits; upper and lower case are the same in a code")
				break
			}
			seen[c] = true
		}
		if len(f.Characters) < 8 {
			wrong.add("/characters", "must be at least 8")
		}
		return f.Characters
	}
	for _, charset := range Charsets {
		if charset.Name == f.Charset || f.Charset == "" {
			return charset.Characters
		}
	}
	wrong.add("/charset", "must be one of %s", charsetNames())
	return ""
}

func charsetNames() string {
	names := make([]string, len(Charsets))
	for i, charset := range Charsets {
		names[i] = charset.Name
	}
	return strings.Join(names, ", ")
}

// Random is how many random characters a code has.
func (p Pattern) Random() int { return strings.Count(p.Template, "#") }

// Bits is how much there is to guess in a code.
func (p Pattern) Bits() float64 { return float64(p.Random()) * math.Log2(float64(len(p.Alphabet))) }

// Keyspace is how many different codes the pattern can make.
func (p Pattern) Keyspace() float64 {
	return math.Pow(float64(len(p.Alphabet)), float64(p.Random()))
}

// Odds is how likely a guess meets one of count codes.
func (p Pattern) Odds(count int) float64 { return float64(count) / p.Keyspace() }

// Needs is the least number of random characters with which count codes are
// neither guessable nor hard to find.
func (p Pattern) Needs(count int, allowGuessable bool) int {
	possible, enough := 1, float64(count)/maxOdds
	if allowGuessable { // half of the possible codes stay free, so that each next one is found
		enough = float64(count) * 2
	}
	need := 0
	for float64(possible) < enough {
		possible *= len(p.Alphabet)
		need++
	}
	return need
}

// CheckFor tells why the pattern cannot make count codes, or nil.
func (p Pattern) CheckFor(count int, allowGuessable bool) error {
	var wrong faults
	if count < 1 || count > MaxGenerate {
		wrong.add("/count", "must be between 1 and %d", MaxGenerate)
		return wrong.err()
	}
	need, has := p.Needs(count, allowGuessable), p.Random()
	switch {
	case has >= need:
	case allowGuessable:
		wrong.add("/pattern", "needs at least %d random characters for %d codes, has %d", need, count, has)
	default:
		wrong.add("/pattern", "needs at least %d random characters for %d codes, has %d: one guess in %.0f would meet a code; make it longer, or set allow_guessable",
			need, count, has, math.Max(1, 1/p.Odds(count)))
	}
	return wrong.err()
}

// looksLikeID: such a code would be taken for a coupon's id.
func looksLikeID(code string) bool {
	_, err := uuid.Parse(code)
	return err == nil && len(code) == 36
}
