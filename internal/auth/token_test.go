package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

const secret = "0123456789abcdef0123456789abcdef" // as short as is allowed

func newTokens(t *testing.T, secret string) *auth.Tokens {
	t.Helper()
	tokens, err := auth.NewTokens(secret, time.Hour)
	require.NoError(t, err)
	return tokens
}

// A token says who it was issued to, in which role and session, for an hour.
func TestATokenComesBackAsItsPrincipal(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, secret)
	user := coupon.User{ID: uuid.New(), Role: coupon.Manager}
	now := time.Now()
	token, err := tokens.Issue(user, now)
	require.NoError(t, err)
	require.Equal(t, now.Add(time.Hour).Truncate(time.Second), token.ExpiresAt)

	principal, session, err := tokens.Check(token.Text)
	require.NoError(t, err)
	require.Equal(t, auth.Principal{UserID: user.ID, Role: coupon.Manager}, principal)
	require.Equal(t, token.SessionID, session)
	require.False(t, auth.IsKey(token.Text))

	other, err := tokens.Issue(user, now)
	require.NoError(t, err)
	require.NotEqual(t, token.SessionID, other.SessionID)
}

// A secret that can be guessed is refused, with its length and the least one.
func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	_, err := auth.NewTokens(secret[1:], time.Hour)
	require.ErrorContains(t, err, "31 bytes")
	require.ErrorContains(t, err, "at least 32")
}

// good are the claims of a token of ours, for tests to spoil.
func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "couponbook", "aud": "couponbook-api", "sub": uuid.NewString(), "jti": uuid.NewString(), "typ": "access",
		"role": "admin", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.Claims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return text
}

// The claims that the next test spoils are accepted as they are, and so is a
// clock that is a few seconds off.
func TestAGoodTokenIsAccepted(t *testing.T) {
	t.Parallel()
	claims := good()
	claims["exp"] = time.Now().Add(-2 * time.Second).Unix()
	_, _, err := newTokens(t, secret).Check(sign(t, jwt.SigningMethodHS256, []byte(secret), claims))
	require.NoError(t, err)
}

// A token with any claim missing or of another service or use is refused,
// although its signature is right.
func TestATokenWithWrongClaimsIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(jwt.MapClaims){
		"other issuer":    func(c jwt.MapClaims) { c["iss"] = "someone" },
		"no issuer":       func(c jwt.MapClaims) { delete(c, "iss") },
		"other audience":  func(c jwt.MapClaims) { c["aud"] = "couponbook" },
		"no audience":     func(c jwt.MapClaims) { delete(c, "aud") },
		"other use":       func(c jwt.MapClaims) { c["typ"] = "refresh" },
		"no use":          func(c jwt.MapClaims) { delete(c, "typ") },
		"expired":         func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-10 * time.Second).Unix() },
		"without an end":  func(c jwt.MapClaims) { delete(c, "exp") },
		"not yet valid":   func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Minute).Unix() },
		"no user":         func(c jwt.MapClaims) { delete(c, "sub") },
		"user is no id":   func(c jwt.MapClaims) { c["sub"] = "root" },
		"role is no text": func(c jwt.MapClaims) { c["role"] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := good()
			spoil(claims)
			_, _, err := newTokens(t, secret).Check(sign(t, jwt.SigningMethodHS256, []byte(secret), claims))
			require.Error(t, err)
		})
	}
}

// Only HS256 with our secret signs: not the other methods that a header can
// name, not another secret, and nothing at all neither.
func TestATokenThatWeDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ours := sign(t, jwt.SigningMethodHS256, []byte(secret), good())
	parts := strings.Split(ours, ".")
	theirs := strings.Split(sign(t, jwt.SigningMethodHS256, []byte(secret), good()), ".")
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good())
	for name, text := range map[string]string{
		"none":                      none,
		"none, with a signature":    none + parts[2],
		"none, header swapped":      strings.Join([]string{strings.Split(none, ".")[0], parts[1], parts[2]}, "."),
		"RS256":                     sign(t, jwt.SigningMethodRS256, rsaKey, good()),
		"HS512 with our secret":     sign(t, jwt.SigningMethodHS512, []byte(secret), good()),
		"another secret":            sign(t, jwt.SigningMethodHS256, []byte(secret+"!"), good()),
		"another token's claims":    strings.Join([]string{parts[0], theirs[1], parts[2]}, "."),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"no signature, no last dot": parts[0] + "." + parts[1],
		"a part too many":           ours + "." + parts[2],
		"nothing":                   "",
		"no token":                  "Bearer " + ours,
		"text":                      "a.b.c",
		"an API key":                "cbk_0123456789ab_secret",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := newTokens(t, secret).Check(text)
			require.Error(t, err)
		})
	}
}

// A token in which any character is replaced is refused. (The last one of the
// signature holds two bits that mean nothing; decoders may let them pass.)
func TestATamperedTokenIsRefused(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, secret)
	token, err := tokens.Issue(coupon.User{ID: uuid.New(), Role: coupon.UserRole}, time.Now())
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(token.Text)-2).Draw(t, "at")
		to := rapid.SampledFrom([]byte("ABCxyz019-_.=")).Draw(t, "to")
		tampered := token.Text[:at] + string(to) + token.Text[at+1:]
		if tampered == token.Text {
			return
		}
		_, _, err := tokens.Check(tampered)
		require.Error(t, err)
	})
}

// A CSRF token fits its session under its secret and no other.
func TestCSRF(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t, secret)
	token := tokens.CSRF("session")
	require.True(t, tokens.CSRFMatches("session", token))
	require.True(t, newTokens(t, secret).CSRFMatches("session", token), "another process of ours made it")
	require.False(t, tokens.CSRFMatches("other", token))
	require.False(t, tokens.CSRFMatches("session", ""))
	require.False(t, tokens.CSRFMatches("session", token+"A"))
	require.False(t, tokens.CSRFMatches("session", token[1:]))
	require.False(t, newTokens(t, secret+"!").CSRFMatches("session", token))
	require.NotContains(t, token, "session")
}
