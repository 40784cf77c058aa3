package coupon

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
)

// KeyOverlap is how long the secret before a rotation works, if nothing else is asked for.
const KeyOverlap = 24 * time.Hour

// APIKey is a key without its secret.
type APIKey struct {
	ID             uuid.UUID
	OwnerID        uuid.UUID
	OwnerRole      Role
	Name           string
	Prefix         string
	SecretHash     []byte
	OldSecretHash  []byte     // before the last rotation
	OldSecretUntil *time.Time // it works too
	Scopes         []string
	Networks       []netip.Prefix // from where it may be used; none: from anywhere
	ExpiresAt      *time.Time
	LastUsedAt     *time.Time
	CreatedAt      time.Time
}

// Admits reports whether the key may be used from an address.
func (k APIKey) Admits(address netip.Addr) bool {
	return len(k.Networks) == 0 || slices.ContainsFunc(k.Networks, func(n netip.Prefix) bool { return n.Contains(address.Unmap()) })
}
