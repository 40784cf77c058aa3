package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/google/uuid"
)

// LockTokens derives the tokens of locks on coupons from the locks' ids, so
// that a token is stored nowhere and can be given again to whom it belongs.
type LockTokens struct{ secret []byte }

// NewLockTokens derives with the process's secret.
func NewLockTokens(secret string) LockTokens { return LockTokens{[]byte("lock:" + secret)} }

// Of is the token of a lock: 128 bits.
func (l LockTokens) Of(lock uuid.UUID) string {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write(lock[:])
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Proves reports whether token is that of the lock; no lock has none.
func (l LockTokens) Proves(lock *uuid.UUID, token string) bool {
	return lock != nil && hmac.Equal([]byte(l.Of(*lock)), []byte(token))
}
