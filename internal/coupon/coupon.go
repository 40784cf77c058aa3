package coupon

import (
	"slices"
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

// States lists all of them.
var States = []State{Unassigned, Assigned, Locked, Redeemed, Expired, Void}

// transitions are all that a coupon can do. Expired and Void are for good.
var transitions = map[State][]State{
	Unassigned: {Assigned, Expired, Void},
	Assigned:   {Locked, Redeemed, Unassigned, Expired, Void},
	Locked:     {Assigned, Redeemed, Expired, Void},
	Redeemed:   {Assigned},
	Expired:    nil,
	Void:       nil,
}

// Transitions lists every change of state that there is.
func Transitions() (all [][2]State) {
	for from, tos := range transitions {
		for _, to := range tos {
			all = append(all, [2]State{from, to})
		}
	}
	return all
}

// CanBecome reports whether a coupon in this state can come to another.
func (s State) CanBecome(to State) bool { return slices.Contains(transitions[s], to) }

// Coupon is one code of a book. A lock that ran out, and an end of validity
// that passed, may not have been written down yet: see Till.
type Coupon struct {
	ID             uuid.UUID
	BookID         uuid.UUID
	BatchID        *uuid.UUID // how its code came; nil for who need not know
	Code           string
	State          State
	UserID         *uuid.UUID // who holds or held it
	AssignedAt     *time.Time
	StartsAt       *time.Time // nobody can use it before; the book's may come later
	EndsAt         *time.Time // the code's own end, whoever holds it
	ExpiresAt      *time.Time // the end for its holder, not after EndsAt; the book's may come before
	Metadata       []byte     // JSON, the book's owner's
	MaxRedemptions int
	Redemptions    int        // without those rolled back
	DisabledAt     *time.Time // it is not given out and cannot be used
	EventSeq       int        // of its last event
	LockID         *uuid.UUID
	LockedBy       *uuid.UUID
	LockedAt       *time.Time
	LockedUntil    *time.Time
	LockOrderRef   *string
}

// Remaining is how many uses are left.
func (c Coupon) Remaining() int { return c.MaxRedemptions - c.Redemptions }

// Redemption is one use of a coupon, or the row that takes one back.
type Redemption struct {
	ID         uuid.UUID
	CouponID   uuid.UUID
	BookID     uuid.UUID
	UserID     uuid.UUID // who held the coupon
	ActorID    uuid.UUID // who did it
	OrderRef   *string
	Metadata   []byte // JSON
	Reason     *string
	RollsBack  *uuid.UUID // the redemption that this row takes back
	RedeemedAt time.Time
	RolledBack bool
}
