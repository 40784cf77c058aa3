package coupon

import (
	"time"

	"github.com/google/uuid"
)

// ExportOpen is how long the file of an export can be fetched once it is there.
const ExportOpen = 15 * time.Minute

// ExportRow is a coupon as an export found it.
type ExportRow struct {
	N              int
	Code           string
	State          State
	BatchID        uuid.UUID
	UserID         *uuid.UUID
	Holder         *string // the user's e-mail or external id
	AssignedAt     *time.Time
	StartsAt       *time.Time
	ExpiresAt      *time.Time
	MaxRedemptions int
	Redemptions    int
	DisabledAt     *time.Time
	Metadata       []byte // JSON
}
