package coupon

import (
	"bytes"
	"slices"
	"time"
)

// SecondFactor is what somebody signs in with beside his password: an
// authenticator app (TOTP), and recovery codes for when that is lost.
type SecondFactor struct {
	FactorSecret    *string    // of the app, in base32; nil: there is none
	FactorSince     *time.Time // asked for since; nil: not confirmed
	FactorStep      int64      // of the app's code that was used last, in 30 s since 1970
	RecoveryDigests [][]byte   // of the recovery codes that are left
}

// HasFactor tells whether a second factor is asked for.
func (f SecondFactor) HasFactor() bool { return f.FactorSince != nil }

// Begun is a user who has an app that is not confirmed yet, or
// ErrSecondFactorOn. One begun before is forgotten.
func (u User) Begun(secret string) (User, error) {
	if u.HasFactor() {
		return u, ErrSecondFactorOn
	}
	u.SecondFactor = SecondFactor{FactorSecret: &secret}
	return u, nil
}

// Confirmed is a user who has shown that his app knows the secret, by the code of
// a step. It fails with ErrSecondFactorOn or ErrSecondFactorOff.
func (u User) Confirmed(step int64, recovery [][]byte, now time.Time) (User, error) {
	switch {
	case u.HasFactor():
		return u, ErrSecondFactorOn
	case u.FactorSecret == nil:
		return u, ErrSecondFactorOff
	}
	u.FactorSince, u.FactorStep, u.RecoveryDigests = &now, step, recovery
	return u, nil
}

// WithoutFactor is a user with a password alone.
func (u User) WithoutFactor() User {
	u.SecondFactor = SecondFactor{}
	return u
}

// Stepped is a user who has used the code of a step up: ErrWrongSecondFactor if
// he had before.
func (u User) Stepped(step int64) (User, error) {
	if step <= u.FactorStep {
		return u, ErrWrongSecondFactor
	}
	u.FactorStep = step
	return u, nil
}

// Recovered is a user who has used a recovery code up: ErrWrongSecondFactor if he
// has none with this digest.
func (u User) Recovered(digest []byte) (User, error) {
	at := slices.IndexFunc(u.RecoveryDigests, func(d []byte) bool { return bytes.Equal(d, digest) })
	if at < 0 {
		return u, ErrWrongSecondFactor
	}
	u.RecoveryDigests = slices.Delete(slices.Clone(u.RecoveryDigests), at, at+1)
	return u, nil
}

// Errors of the second factor.
var (
	ErrSecondFactorRequired = declare(Unauthenticated, "second_factor_required", "The account has a second factor: send the authenticator app's code, or a recovery code, as code.")
	ErrWrongSecondFactor    = declare(Forbidden, "wrong_second_factor", "The code is wrong or was used before: wait for the app's next one, or send a recovery code.")
	ErrSecondFactorOn       = declare(Conflict, "second_factor_on", "There is a second factor already: remove it first.")
	ErrSecondFactorOff      = declare(Conflict, "second_factor_off", "There is no second factor: begin one first.")
)
