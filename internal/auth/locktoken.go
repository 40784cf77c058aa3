package auth

import (
	"encoding/base64"

	"github.com/google/uuid"
)

// LockTokens derives the tokens of locks on coupons from the locks' ids, so
// that a token is stored nowhere and can be given again to whom it belongs.
type LockTokens struct{ signer Signer }

// NewLockTokens derives tokens of 128 bits.
func NewLockTokens(keys Keyring) LockTokens { return LockTokens{keys.Signer("lock", 16)} }

// Of is the token of a lock.
func (l LockTokens) Of(lock uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(l.signer.Sign(lock[:]))
}

// Proves reports whether token is that of the lock; no lock has none.
func (l LockTokens) Proves(lock *uuid.UUID, token string) bool {
	proof, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && lock != nil && l.signer.Proves(proof, lock[:])
}
