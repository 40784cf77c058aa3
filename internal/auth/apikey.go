package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// keyMark starts every key, so that people and scanners recognise one.
const keyMark = "cbk_"

// NewKey makes an API key: the text to show once, the prefix to find it by and
// the digest of its secret to store.
func NewKey() (text, prefix string, digest []byte) {
	var raw [6]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	prefix = hex.EncodeToString(raw[:])
	text, digest = NewKeySecret(prefix)
	return text, prefix, digest
}

// NewKeySecret makes another secret for the key with a prefix.
func NewKeySecret(prefix string) (text string, digest []byte) {
	secret, digest := NewSecret("")
	return keyMark + prefix + "_" + secret, digest
}

// IsKey reports whether a bearer credential is an API key rather than a token.
func IsKey(text string) bool { return strings.HasPrefix(text, keyMark) }

// SplitKey takes a key apart; ok is false when it cannot be one.
func SplitKey(text string) (prefix, secret string, ok bool) {
	rest, marked := strings.CutPrefix(text, keyMark)
	prefix, secret, found := strings.Cut(rest, "_")
	return prefix, secret, marked && found && len(prefix) == 12
}

// SecretMatches compares a secret with a stored digest in constant time.
func SecretMatches(secret string, digest []byte) bool {
	return subtle.ConstantTimeCompare(Digest(secret), digest) == 1
}
