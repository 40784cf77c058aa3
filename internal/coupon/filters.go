package coupon

import (
	"time"

	"github.com/google/uuid"
)

// HeldFilter narrows a list of the coupons that a user holds or held; nil
// fields do not.
type HeldFilter struct {
	State  *State // at present
	BookID *uuid.UUID
	After  HeldPlace // of the last one of the page before
}

// HeldPlace is a place in such a list: usable ones first, each part in the
// order of its ends.
type HeldPlace struct {
	Over bool // not to be used any more
	Ends *time.Time
	ID   *uuid.UUID
}

// PlaceOf is where a coupon stands in its holder's list.
func PlaceOf(t Till) HeldPlace {
	state := t.Coupon.State
	return HeldPlace{state != Assigned && state != Locked, t.EndsAt(), &t.Coupon.ID}
}

// StockFilter narrows a list of a book's coupons.
type StockFilter struct {
	State   *State
	Prefix  string // of the normalised code
	BatchID *uuid.UUID
	After   *uuid.UUID // the last one of the page before
}

// UseOutcome is what became of a try to use a coupon.
type UseOutcome string

// The outcomes.
const (
	UseRedeemed   UseOutcome = "redeemed"
	UseRolledBack UseOutcome = "rolled_back"
	UseRefused    UseOutcome = "refused"
)

// Use is a try to use a coupon, whether it led to a redemption or not.
type Use struct {
	ID           uuid.UUID // of the redemption or the refusal
	Outcome      UseOutcome
	CouponID     uuid.UUID
	Code         string
	UserID       *uuid.UUID // who held the coupon
	ActorID      uuid.UUID  // who did it
	OrderRef     *string
	Metadata     []byte  // JSON
	Action       *string // that was refused: lock or redeem
	Reason       *string // the error's code of a refusal, the reason of a rollback
	At           time.Time
	RolledBackAt *time.Time
}

// UseFilter narrows a list of uses; nil fields do not.
type UseFilter struct {
	Outcome *UseOutcome
	Before  *uuid.UUID // the last one of the page before
}
