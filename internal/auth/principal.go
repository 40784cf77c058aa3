// Package auth knows who a caller is: passwords, access tokens, API keys, and
// the principal that comes out of them. What a principal may do is decided by
// the policy table of the HTTP door and by the use cases.
package auth

import (
	"slices"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

// Scope is what an API key may be used for.
type Scope string

// The scopes.
const (
	BooksRead     Scope = "books:read"
	BooksWrite    Scope = "books:write"
	ClaimsWrite   Scope = "claims:write"
	CouponsRedeem Scope = "coupons:redeem" // at the till
	CouponsWrite  Scope = "coupons:write"  // assign, revoke and void
	JobsRead      Scope = "jobs:read"
	PoolsRead     Scope = "pools:read"
	PoolsWrite    Scope = "pools:write"
	Distribute    Scope = "distributions:write"
	EventsRead    Scope = "events:read"
	WebhooksRead  Scope = "webhooks:read"
	WebhooksWrite Scope = "webhooks:write"
)

// Scopes lists all of them.
var Scopes = []Scope{BooksRead, BooksWrite, ClaimsWrite, CouponsRedeem, CouponsWrite, JobsRead, PoolsRead, PoolsWrite, Distribute, EventsRead, WebhooksRead, WebhooksWrite}

// Principal is an authenticated caller. A key acts for its owner, within its
// scopes; a person has no scopes and needs none.
type Principal struct {
	UserID    uuid.UUID
	Role      coupon.Role
	SessionID *uuid.UUID // of a person
	KeyID     *uuid.UUID // nil: a person
	Scopes    []Scope
}

// IsKey reports whether the caller is a server with an API key.
func (p Principal) IsKey() bool { return p.KeyID != nil }

// Has reports whether the caller may do what the scope names.
func (p Principal) Has(scope Scope) bool { return !p.IsKey() || slices.Contains(p.Scopes, scope) }

// Owns reports whether the caller manages what owner made.
func (p Principal) Owns(owner uuid.UUID) bool {
	return p.Role == coupon.Admin || p.Role == coupon.Manager && p.UserID == owner
}
