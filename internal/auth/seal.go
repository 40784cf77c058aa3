package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
)

// ErrSeal is the answer to what was not sealed with this process's secret.
var ErrSeal = errors.New("sealed with another secret, or damaged")

// Seal keeps text that has secrets in it where others may read: AES-256-GCM with
// a key of the process's secret.
type Seal struct{ aead cipher.AEAD }

// NewSeal seals with the process's secret.
func NewSeal(secret string) Seal {
	key := sha256.Sum256([]byte("seal:" + secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return Seal{aead}
}

// Close seals data.
func (s Seal) Close(data []byte) []byte { return s.aead.Seal(nil, nil, data, nil) } //nolint:gosec // it makes a nonce of its own each time

// Open opens what Close has sealed, or fails with ErrSeal.
func (s Seal) Open(sealed []byte) ([]byte, error) {
	data, err := s.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, ErrSeal
	}
	return data, nil
}
