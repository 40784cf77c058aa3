package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 32

// Keyring holds the secrets of an installation: the one that signs, and, while
// it is being replaced, the one before or the next one, which is believed too.
type Keyring struct{ secrets []string }

// NewKeyring checks the secrets; previous may be empty.
func NewKeyring(secret, previous string) (Keyring, error) {
	secrets := []string{secret}
	if previous != "" {
		secrets = append(secrets, previous)
	}
	for _, s := range secrets {
		if len(s) < MinSecret {
			return Keyring{}, fmt.Errorf("a signing secret has %d bytes: use at least %d random ones", len(s), MinSecret)
		}
	}
	if secret == previous {
		return Keyring{}, errors.New("the signing secret and the previous one are the same: make a new one")
	}
	return Keyring{secrets}, nil
}

// signingKey is what one secret signs one sort of thing with. Its id tells
// nothing of it.
type signingKey struct {
	id  string
	key []byte
}

// keysFor derives the keys of a purpose, so that what is signed for one proves
// nothing for another.
func (k Keyring) keysFor(purpose string) []signingKey {
	keys := make([]signingKey, len(k.secrets))
	for i, secret := range k.secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "couponbook "+purpose, sha256.Size)
		if err != nil {
			panic(err) // only for a length that SHA-256 cannot make
		}
		id := sha256.Sum256(key)
		keys[i] = signingKey{hex.EncodeToString(id[:4]), key}
	}
	return keys
}

// Signer makes and checks short proofs that something came from us.
type Signer struct {
	keys []signingKey
	size int
}

// Signer signs for one purpose, with proofs of size bytes, at most 32.
func (k Keyring) Signer(purpose string, size int) Signer { return Signer{k.keysFor(purpose), size} }

// Size is the length of a proof in bytes.
func (s Signer) Size() int { return s.size }

// Sign makes the proof of data.
func (s Signer) Sign(data []byte) []byte { return s.proof(s.keys[0], data) }

// Proves reports whether a proof of data is ours, in constant time.
func (s Signer) Proves(proof, data []byte) bool {
	for _, key := range s.keys {
		if hmac.Equal(proof, s.proof(key, data)) {
			return true
		}
	}
	return false
}

func (s Signer) proof(key signingKey, data []byte) []byte {
	mac := hmac.New(sha256.New, key.key)
	mac.Write(data)
	return mac.Sum(nil)[:s.size]
}
