package auth_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// A person has every scope, a key those it was given.
func TestScopes(t *testing.T) {
	t.Parallel()
	person := auth.Principal{Role: coupon.UserRole}
	key := auth.Principal{Role: coupon.Manager, KeyID: new(uuid.New()), Scopes: []auth.Scope{auth.BooksRead}}
	bare := auth.Principal{Role: coupon.Admin, KeyID: new(uuid.New())}
	require.False(t, person.IsKey())
	require.True(t, key.IsKey())
	require.Contains(t, auth.Scopes, auth.BooksRead)
	for _, scope := range auth.Scopes {
		require.True(t, person.Has(scope))
		require.Equal(t, scope == auth.BooksRead, key.Has(scope))
		require.False(t, bare.Has(scope))
	}
}

// Admins manage everything, managers what they made, users nothing.
func TestOwns(t *testing.T) {
	t.Parallel()
	owner, other := uuid.New(), uuid.New()
	for _, c := range []struct {
		role         coupon.Role
		own, another bool
	}{
		{coupon.Admin, true, true},
		{coupon.Manager, true, false},
		{coupon.UserRole, false, false},
		{"", false, false},
	} {
		p := auth.Principal{UserID: owner, Role: c.role}
		require.Equal(t, c.own, p.Owns(owner), c.role)
		require.Equal(t, c.another, p.Owns(other), c.role)
	}
}
