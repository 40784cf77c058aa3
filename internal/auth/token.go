package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

// MinSecret is the least length of the signing secret, in bytes.
const MinSecret = 32

const (
	issuer    = "couponbook"
	audience  = "couponbook-api"
	tokenType = "access"
)

// Tokens signs and checks access tokens (JWT, HS256 and nothing else).
type Tokens struct {
	secret []byte
	ttl    time.Duration
	parser *jwt.Parser
}

// NewTokens makes tokens that are valid for ttl.
func NewTokens(secret string, ttl time.Duration) (*Tokens, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the signing secret has %d bytes: use at least %d random ones", len(secret), MinSecret)
	}
	return &Tokens{[]byte(secret), ttl, jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithLeeway(5*time.Second),
	)}, nil
}

type claims struct {
	jwt.RegisteredClaims
	Role coupon.Role `json:"role"`
	Type string      `json:"typ"`
}

// Token is a signed access token.
type Token struct {
	Text      string
	SessionID string // what a CSRF token is bound to
	ExpiresAt time.Time
}

// Issue signs a token for a user.
func (t *Tokens) Issue(user coupon.User, now time.Time) (Token, error) {
	token := Token{SessionID: uuid.NewString(), ExpiresAt: now.Add(t.ttl).Truncate(time.Second)}
	var err error
	token.Text, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: user.ID.String(), ID: token.SessionID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(token.ExpiresAt),
		},
		Role: user.Role, Type: tokenType,
	}).SignedString(t.secret)
	return token, err
}

// Check returns the principal and the session id of a token that is ours and valid.
func (t *Tokens) Check(text string) (Principal, string, error) {
	var c claims
	if _, err := t.parser.ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return t.secret, nil }); err != nil {
		return Principal{}, "", err
	}
	if c.Type != tokenType {
		return Principal{}, "", errors.New("not an access token")
	}
	id, err := uuid.Parse(c.Subject)
	return Principal{UserID: id, Role: c.Role}, c.ID, err
}

// CSRF returns the token that a browser must send along with its session
// cookie: other sites can make it send the cookie, but cannot read this.
func (t *Tokens) CSRF(sessionID string) string {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte("csrf:" + sessionID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CSRFMatches compares in constant time.
func (t *Tokens) CSRFMatches(sessionID, token string) bool {
	return hmac.Equal([]byte(t.CSRF(sessionID)), []byte(token))
}
