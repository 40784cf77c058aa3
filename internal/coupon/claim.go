package coupon

import (
	"time"

	"github.com/google/uuid"
)

// MaxClaimCount is how many coupons one claim can ask for.
const MaxClaimCount = 100

// Claim is an accepted request for Count random coupons of a book, or for a
// chosen one, as a drain sees it. Claims are decided in the order of Seq.
type Claim struct {
	JobID       uuid.UUID
	UserID      uuid.UUID // who gets the coupons
	SubmitterID uuid.UUID // who asked
	Seq         int64
	Count       int
	CouponID    *uuid.UUID // the chosen one
	Batch       bool       // it stands for the items of a batch, or is one of them:
	Item        int        // its number there
	CreatedAt   time.Time
}

// MaxBatch is how many items a batch of claims can have.
const MaxBatch = 1000

// ClaimOpen is how long a claim waits at most while nobody can decide it.
const ClaimOpen = 15 * time.Minute

// Expired reports whether the claim has waited too long to be granted. While its
// book is paused it waits for its manager; that time does not count.
func (c Claim) Expired(book Book, now time.Time) bool {
	since := c.CreatedAt
	if book.UpdatedAt.After(since) {
		since = book.UpdatedAt
	}
	return now.Sub(since) >= ClaimOpen
}

// SameKind cuts a queue after the claims that are like its first: all for
// random coupons, or all for chosen ones, or a single batch; and all in time, or
// all too late.
func SameKind(claims []Claim, book Book, now time.Time) []Claim {
	first := claims[0]
	for i, c := range claims {
		if i > 0 && (c.Batch || first.Batch) || (c.CouponID == nil) != (first.CouponID == nil) ||
			c.Expired(book, now) != first.Expired(book, now) {
			return claims[:i]
		}
	}
	return claims
}

// Decision is what becomes of a claim: all it asked for, or a refusal.
type Decision struct {
	Claim
	Refusal *Error // nil: granted
}

// Granted reports whether the claim gets its coupons.
func (d Decision) Granted() bool { return d.Refusal == nil }

// Limit is how many coupons of the book each user may get.
type Limit struct {
	PerUser *int              // nil: as many as there are
	Used    map[uuid.UUID]int // what users have before these claims
}

// Chosen is a coupon that a claim names, as it stands.
type Chosen struct {
	State    State
	Disabled bool
}

// Decide settles claims in their order: each gets everything it asked for or
// nothing. A user's limit counts what the same group has just granted him, and
// a claim refused for want of stock uses none of it. left is the book's stock,
// chosen the coupons that claims name.
func Decide(claims []Claim, limit Limit, left int, chosen map[uuid.UUID]Chosen) []Decision {
	decided := make([]Decision, len(claims))
	granted := make(map[uuid.UUID]int, len(claims))
	taken := make(map[uuid.UUID]bool, len(chosen))
	for i, claim := range claims {
		decided[i].Claim = claim
		var unfit *Error
		if claim.CouponID != nil {
			unfit = unassignable(chosen[*claim.CouponID], taken[*claim.CouponID])
		}
		switch {
		case unfit != nil:
			decided[i].Refusal = unfit
		case limit.PerUser != nil && limit.Used[claim.UserID]+granted[claim.UserID]+claim.Count > *limit.PerUser:
			decided[i].Refusal = ErrLimitReached
		case claim.Count > left && left > 0:
			decided[i].Refusal = ErrSoldOut.With("Only %d coupons are left; ask for fewer.", left)
		case claim.Count > left:
			decided[i].Refusal = ErrSoldOut
		default:
			granted[claim.UserID] += claim.Count
			left -= claim.Count
			if claim.CouponID != nil {
				taken[*claim.CouponID] = true
			}
		}
	}
	return decided
}

// unassignable tells why a chosen coupon cannot be given to anybody, or nil.
func unassignable(c Chosen, taken bool) *Error {
	switch {
	case c.State == Void:
		return ErrCouponVoid
	case c.State == Expired:
		return ErrCouponExpired
	case c.State == Redeemed:
		return ErrAlreadyRedeemed
	case c.State != Unassigned || taken:
		return ErrCouponTaken
	case c.Disabled:
		return ErrCouponDisabled
	}
	return nil
}

// RefuseAll gives every claim the same refusal.
func RefuseAll(claims []Claim, why *Error) []Decision {
	decided := make([]Decision, len(claims))
	for i, claim := range claims {
		decided[i] = Decision{Claim: claim, Refusal: why}
	}
	return decided
}

// Need is how many coupons the decisions give out.
func Need(decided []Decision) int {
	need := 0
	for _, d := range decided {
		if d.Granted() {
			need += d.Count
		}
	}
	return need
}
