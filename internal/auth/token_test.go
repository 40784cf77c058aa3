package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

func newTokens(t *testing.T) *auth.Tokens {
	t.Helper()
	return auth.NewTokens(keyring(t, secret, ""), time.Hour)
}

// A token says who it was issued to, in which role and session, for an hour.
func TestATokenComesBackAsItsPrincipal(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t)
	user, session := coupon.User{ID: uuid.New(), Role: coupon.Manager}, uuid.New()
	now := time.Now()
	token, err := tokens.Issue(user, session, now)
	require.NoError(t, err)
	require.Equal(t, now.Add(time.Hour).Truncate(time.Second), token.ExpiresAt)
	require.Equal(t, session, token.SessionID)
	require.Greater(t, tokens.Lives(), time.Hour)

	principal, err := tokens.Check(token.Text)
	require.NoError(t, err)
	require.Equal(t, auth.Principal{UserID: user.ID, Role: coupon.Manager, SessionID: &session}, principal)
	require.False(t, auth.IsKey(token.Text))
}

// A CSRF token is of its session.
func TestCSRFTokens(t *testing.T) {
	t.Parallel()
	tokens, session := newTokens(t), uuid.New()
	token := tokens.CSRF(session)
	require.True(t, tokens.CSRFMatches(session, token))
	for _, wrong := range []string{"", token[1:], token + "A", tokens.CSRF(uuid.New()), "ä"} {
		require.False(t, tokens.CSRFMatches(session, wrong), wrong)
	}
}

// Two secrets are valid at a time: a token names the one that signed it.
func TestTokensOfBothSecrets(t *testing.T) {
	t.Parallel()
	issue := func(secret, previous string) string {
		token, err := auth.NewTokens(keyring(t, secret, previous), time.Hour).Issue(coupon.User{ID: uuid.New()}, uuid.New(), time.Now())
		require.NoError(t, err)
		return token.Text
	}
	before, during := issue(secret, ""), issue(other, secret)
	both := auth.NewTokens(keyring(t, other, secret), time.Hour)
	for _, text := range []string{before, during} {
		_, err := both.Check(text)
		require.NoError(t, err)
	}
	_, err := newTokens(t).Check(during)
	require.Error(t, err)
	_, err = auth.NewTokens(keyring(t, other, ""), time.Hour).Check(before)
	require.Error(t, err)
}

// good are the claims of a token of ours, for tests to spoil.
func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "couponbook", "aud": "couponbook-api", "sub": uuid.NewString(), "jti": uuid.NewString(), "typ": "access", "sid": uuid.NewString(),
		"role": "admin", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

// ours is the header of a token of ours and the key that signs it, for tests to
// sign what they like.
func ours(t *testing.T) (header map[string]any, key []byte) {
	t.Helper()
	return auth.SigningKey(keyring(t, secret, ""))
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.Claims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for name, value := range header {
		if name != "alg" {
			token.Header[name] = value
		}
	}
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func mine(t *testing.T, claims jwt.Claims) string {
	t.Helper()
	header, key := ours(t)
	return sign(t, jwt.SigningMethodHS256, key, claims, header)
}

// The claims that the next test spoils are accepted as they are, and so is a
// clock that is a few seconds off.
func TestAGoodTokenIsAccepted(t *testing.T) {
	t.Parallel()
	claims := good()
	claims["exp"] = time.Now().Add(-2 * time.Second).Unix()
	_, err := newTokens(t).Check(mine(t, claims))
	require.NoError(t, err)
}

// What was checked once is believed until it expires and no longer, and no other
// token with it.
func TestATokenThatWasCheckedExpires(t *testing.T) {
	t.Parallel()
	tokens, claims := newTokens(t), good()
	claims["exp"] = time.Now().Add(-2 * time.Second).Unix() // of five that clocks may differ
	token := mine(t, claims)
	first, err := tokens.Check(token)
	require.NoError(t, err)
	again, err := tokens.Check(token)
	require.NoError(t, err)
	require.Equal(t, first, again)
	for _, other := range []string{token + "A", token[:len(token)-1], "A" + token} {
		_, err = tokens.Check(other)
		require.Error(t, err)
	}
	require.Eventually(t, func() bool {
		_, err := tokens.Check(token)
		return err != nil
	}, 10*time.Second, 50*time.Millisecond)
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
		"issued tomorrow": func(c jwt.MapClaims) { c["iat"] = time.Now().Add(24 * time.Hour).Unix() },
		"session is none": func(c jwt.MapClaims) { c["sid"] = "all" },
		"role is no text": func(c jwt.MapClaims) { c["role"] = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := good()
			spoil(claims)
			_, err := newTokens(t).Check(mine(t, claims))
			require.Error(t, err)
		})
	}
}

// Only HS256 with a key of ours signs: not the other methods that a header can
// name, not another key, whatever the header says of where it is, and nothing at
// all neither.
func TestATokenThatWeDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	require.NoError(t, err)
	header, key := ours(t)
	with := func(name string, value any) map[string]any {
		changed := maps.Clone(header)
		changed[name] = value
		return changed
	}
	good1, good2 := mine(t, good()), mine(t, good())
	parts, theirs := strings.Split(good1, "."), strings.Split(good2, ".")
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(), header)
	encode := base64.RawURLEncoding.EncodeToString
	for name, text := range map[string]string{
		"none":                      none,
		"None":                      encode([]byte(`{"alg":"None","typ":"JWT"}`)) + "." + parts[1] + ".",
		"none, with a signature":    none + parts[2],
		"none, header swapped":      strings.Join([]string{strings.Split(none, ".")[0], parts[1], parts[2]}, "."),
		"RS256":                     sign(t, jwt.SigningMethodRS256, rsaKey, good(), header),
		"HS256 with a public key":   sign(t, jwt.SigningMethodHS256, public, good(), header),
		"HS512 with our key":        sign(t, jwt.SigningMethodHS512, key, good(), header),
		"the secret itself":         sign(t, jwt.SigningMethodHS256, []byte(secret), good(), header),
		"another key id":            sign(t, jwt.SigningMethodHS256, key, good(), with("kid", "00000000")),
		"a path as key id":          sign(t, jwt.SigningMethodHS256, []byte{}, good(), with("kid", "../../dev/null")),
		"SQL as key id":             sign(t, jwt.SigningMethodHS256, []byte("x"), good(), with("kid", "' UNION SELECT 'x")),
		"key id is no text":         sign(t, jwt.SigningMethodHS256, key, good(), with("kid", 1)),
		"no key id":                 sign(t, jwt.SigningMethodHS256, key, good(), nil),
		"jku":                       sign(t, jwt.SigningMethodRS256, rsaKey, good(), with("jku", "https://example.com/keys")),
		"jwk":                       sign(t, jwt.SigningMethodHS256, []byte("k"), good(), with("jwk", map[string]any{"kty": "oct", "k": encode([]byte("k"))})),
		"x5u":                       sign(t, jwt.SigningMethodRS256, rsaKey, good(), with("x5u", "https://example.com/cert")),
		"another token's claims":    strings.Join([]string{parts[0], theirs[1], parts[2]}, "."),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"no signature, no last dot": parts[0] + "." + parts[1],
		"a part too many":           good1 + "." + parts[2],
		"nothing":                   "",
		"no token":                  "Bearer " + good1,
		"text":                      "a.b.c",
		"100 KB":                    parts[0] + "." + strings.Repeat("a", 100_000) + "." + parts[2],
		"an API key":                "cbk_0123456789ab_secret",
		"a refresh token":           "cbr_" + strings.Repeat("a", 43),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newTokens(t).Check(text)
			require.Error(t, err)
		})
	}
}

// No text makes a panic, and none that we did not sign is believed.
func FuzzTokens(f *testing.F) {
	keys, err := auth.NewKeyring(secret, "")
	require.NoError(f, err)
	tokens := auth.NewTokens(keys, time.Hour)
	token, err := tokens.Issue(coupon.User{ID: uuid.New(), Role: coupon.Admin}, uuid.New(), time.Now())
	require.NoError(f, err)
	parts := strings.Split(token.Text, ".")
	for _, seed := range []string{token.Text, "", ".", "..", "a.b.c", parts[0] + ".e30." + parts[2], parts[0] + "." + parts[1] + "."} {
		f.Add(seed)
	}
	strict := base64.RawURLEncoding.Strict()
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := tokens.Check(text); err != nil {
			return
		}
		parts := strings.Split(text, ".")
		require.Len(t, parts, 3)
		for i, part := range parts {
			raw, err := strict.DecodeString(part)
			require.NoError(t, err)
			raw[len(raw)/2] ^= 1
			changed := slices.Clone(parts)
			changed[i] = strict.EncodeToString(raw)
			_, err = tokens.Check(strings.Join(changed, "."))
			require.Error(t, err)
		}
	})
}
