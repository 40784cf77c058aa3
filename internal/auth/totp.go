package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// The form of codes that every authenticator app can make (RFC 6238): six digits
// of SHA-1, another each half minute.
const stepSeconds = 30

// NewTOTP makes the secret of an authenticator app: as text to type in, and as
// the URL that its QR code has.
func NewTOTP(account string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account})
	if err != nil {
		return "", "", err
	}
	return key.Secret(), key.URL(), nil
}

// TOTPStep is the half minute, counted from 1970, whose code this is. Clocks may
// be half a minute apart. It is false where the code is wrong.
func TOTPStep(secret, code string, now time.Time) (step int64, ok bool) {
	present := now.Unix() / stepSeconds
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	for at := present - 1; at <= present+1; at++ {
		right, err := hotp.GenerateCodeCustom(secret, uint64(at), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 {
			step, ok = at, true
		}
	}
	return step, ok
}

// Recovery codes have 80 random bits, and letters that nobody confuses.
const (
	recoveryCodes = 10
	recoveryBytes = 10
	recoveryGroup = 4
)

// NewRecoveryCodes makes codes that stand in for a lost authenticator app, once
// each, and the digests to keep.
func NewRecoveryCodes() (codes []string, digests [][]byte) {
	for range recoveryCodes {
		var raw [recoveryBytes]byte
		_, _ = rand.Read(raw[:]) // never fails since Go 1.24
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
		digests = append(digests, RecoveryDigest(text))
		for i := len(text) - recoveryGroup; i > 0; i -= recoveryGroup {
			text = text[:i] + "-" + text[i:]
		}
		codes = append(codes, text)
	}
	return codes, digests
}

// RecoveryDigest is how a recovery code is kept, in whatever case and groups it
// was typed.
func RecoveryDigest(code string) []byte {
	return Digest(strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code))))
}
