package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// NewSecret makes a secret that is shown to one person once: 256 random bits
// behind a mark that people and scanners recognise, and the digest to keep.
func NewSecret(mark string) (text string, digest []byte) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	text = mark + base64.RawURLEncoding.EncodeToString(raw[:])
	return text, Digest(text)
}

// Digest is how a secret of 256 random bits is kept: a slow password hash would
// add cost and no safety.
func Digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
