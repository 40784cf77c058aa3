package coupon

import (
	"time"

	"github.com/google/uuid"
)

// State is where a coupon stands in its life.
type State string

// The states of a coupon; docs/architecture.md draws them.
const (
	Unassigned State = "UNASSIGNED"
	Assigned   State = "ASSIGNED"
	Locked     State = "LOCKED"
	Redeemed   State = "REDEEMED"
	Expired    State = "EXPIRED"
	Void       State = "VOID"
)

// HeldCoupon is a coupon as its holder sees it.
type HeldCoupon struct {
	ID         uuid.UUID
	BookID     uuid.UUID
	BookName   string
	Code       string
	State      State
	AssignedAt time.Time
	ExpiresAt  *time.Time
}
