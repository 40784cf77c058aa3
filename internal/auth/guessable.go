package auth

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

// The passwords of eight and more characters that leaks have most often, in lower
// case, as the zxcvbn project has collected them.
//
//go:embed common_passwords.txt
var commonPasswords string

var common = sync.OnceValue(func() map[string]struct{} {
	set := map[string]struct{}{}
	for word := range strings.Lines(commonPasswords) {
		set[strings.TrimSuffix(word, "\n")] = struct{}{}
	}
	return set
})

// leastHint is how long a part of somebody's e-mail or name must be to tell
// something about his password.
const leastHint = 4

// Guessable reports whether a password is tried first by who wants to get in: a
// common one, such a one with digits or signs behind it, or little more than
// what everybody knows of its owner.
func Guessable(password string, known ...string) bool {
	folded := strings.ToLower(password)
	bare := strings.TrimRightFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, form := range []string{folded, bare} {
		if _, found := common()[form]; found {
			return true
		}
	}
	for _, text := range known {
		for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == '@' || unicode.IsSpace(r) }) {
			if len(word) >= leastHint && strings.Contains(folded, word) && len(folded) < 2*len(word) {
				return true
			}
		}
	}
	return folded != "" && strings.Trim(folded, folded[:1]) == "" // one character, again and again
}
