package coupon

import (
	"time"

	"github.com/google/uuid"
)

// APIKey is a key without its secret.
type APIKey struct {
	ID         uuid.UUID
	OwnerID    uuid.UUID
	OwnerRole  Role
	Name       string
	Prefix     string
	SecretHash []byte
	Scopes     []string
	ExpiresAt  *time.Time
	CreatedAt  time.Time
}
