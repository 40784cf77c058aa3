package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"couponbook/internal/coupon"
)

const (
	issuer    = "couponbook"
	audience  = "couponbook-api"
	tokenType = "access"
	leeway    = 5 * time.Second

	mostChecked = 50_000 // tokens that a process remembers
)

// Tokens signs and checks access tokens (JWT, HS256 and nothing else).
type Tokens struct {
	keys   []signingKey
	csrf   Signer
	ttl    time.Duration
	parser *jwt.Parser

	// What has been checked is remembered, by a digest: browsers and people who
	// wait show one token again and again.
	checked *lru.Cache[[sha256.Size]byte, checked]
}

type checked struct {
	Principal
	until time.Time
}

// NewTokens makes tokens that are valid for ttl.
func NewTokens(keys Keyring, ttl time.Duration) *Tokens {
	cache, err := lru.New[[sha256.Size]byte, checked](mostChecked)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Tokens{keys.keysFor("access token"), keys.Signer("csrf", 32), ttl, jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
	), cache}
}

// Lives is how long a token is believed, at most: its own time and the leeway
// for clocks that differ.
func (t *Tokens) Lives() time.Duration { return t.ttl + leeway }

type claims struct {
	jwt.RegisteredClaims
	Role    coupon.Role `json:"role"`
	Session uuid.UUID   `json:"sid"`
	Type    string      `json:"typ"`
}

// Token is a signed access token.
type Token struct {
	Text      string
	SessionID uuid.UUID
	ExpiresAt time.Time
}

// Issue signs a token for a user, in one of his sessions.
func (t *Tokens) Issue(user coupon.User, session uuid.UUID, now time.Time) (Token, error) {
	token := Token{SessionID: session, ExpiresAt: now.Add(t.ttl).Truncate(time.Second)}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: user.ID.String(), ID: uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(token.ExpiresAt),
		},
		Role: user.Role, Session: session, Type: tokenType,
	})
	unsigned.Header["kid"] = t.keys[0].id
	var err error
	token.Text, err = unsigned.SignedString(t.keys[0].key)
	return token, err
}

// Check returns the principal of a token that is ours and valid. Whether its
// session has ended is not the token's to know.
func (t *Tokens) Check(text string) (Principal, error) {
	digest := sha256.Sum256([]byte(text))
	if known, found := t.checked.Get(digest); found && time.Now().Before(known.until) {
		return known.Principal, nil
	}
	p, until, err := t.Parse(text)
	if err == nil {
		t.checked.Add(digest, checked{p, until})
	}
	return p, err
}

// Parse is Check without remembering, and tells until when the token is good.
func (t *Tokens) Parse(text string) (Principal, time.Time, error) {
	var c claims
	if _, err := t.parser.ParseWithClaims(text, &c, t.key); err != nil {
		return Principal{}, time.Time{}, err
	}
	if c.Type != tokenType {
		return Principal{}, time.Time{}, errors.New("not an access token")
	}
	id, err := uuid.Parse(c.Subject)
	return Principal{UserID: id, Role: c.Role, SessionID: &c.Session}, c.ExpiresAt.Add(leeway), err
}

// key finds the key that a token names: one of ours, whatever else its header
// says of where keys are.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	for _, key := range t.keys {
		if token.Header["kid"] == key.id {
			return key.key, nil
		}
	}
	return nil, errors.New("signed with a key that is not known")
}

// CSRF returns the token that a browser must send along with its session
// cookie: other sites can make it send the cookie, but cannot read this.
func (t *Tokens) CSRF(session uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(t.csrf.Sign(session[:]))
}

// CSRFMatches compares in constant time.
func (t *Tokens) CSRFMatches(session uuid.UUID, token string) bool {
	proof, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil && t.csrf.Proves(proof, session[:])
}
