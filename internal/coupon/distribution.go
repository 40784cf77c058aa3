package coupon

import (
	"cmp"
	"time"

	"github.com/google/uuid"
)

const (
	// MaxPerRecipient is how many coupons one recipient gets of a distribution.
	MaxPerRecipient = 1000
	// MaxDistributed is how many coupons a random distribution can give out.
	MaxDistributed = 5_000_000
	// PlanOpen is how long a plan can be carried out once it is made.
	PlanOpen = 24 * time.Hour
)

// DistributionMode says how many coupons a distribution gives out.
type DistributionMode string

// The modes.
const (
	EqualMode  DistributionMode = "equal"  // as many to each recipient
	RandomMode DistributionMode = "random" // a number in all, spread at random
)

// OnShortage says what becomes of a distribution that has too few coupons, or
// whose recipients can take too few.
type OnShortage string

// The ways to deal with a shortage.
const (
	FailOnShortage    OnShortage = "fail"    // nobody gets anything
	PartialOnShortage OnShortage = "partial" // what there is, is dealt
)

// DistributionTerms say how many coupons go to the members of a pool.
type DistributionTerms struct {
	Mode       DistributionMode
	PerUser    int // of EqualMode
	Count      int // of RandomMode
	OnShortage OnShortage
}

// Check tells all faults of the terms.
func (t DistributionTerms) Check() error {
	var wrong faults
	switch t.Mode {
	case EqualMode:
		if t.PerUser < 1 || t.PerUser > MaxPerRecipient {
			wrong.add("/per_user", "must be between 1 and %d", MaxPerRecipient)
		}
		if t.Count != 0 {
			wrong.add("/count", "is for mode random: leave it out")
		}
	case RandomMode:
		if t.Count < 1 || t.Count > MaxDistributed {
			wrong.add("/count", "must be between 1 and %d", MaxDistributed)
		}
		if t.PerUser != 0 {
			wrong.add("/per_user", "is for mode equal: leave it out")
		}
	default:
		wrong.add("/mode", "must be equal or random")
	}
	if t.OnShortage != FailOnShortage && t.OnShortage != PartialOnShortage {
		wrong.add("/on_shortage", "must be fail or partial")
	}
	return wrong.err()
}

// MostEach is how many coupons one recipient can get, if his limit allows.
func (t DistributionTerms) MostEach() int {
	if t.Mode == EqualMode {
		return t.PerUser
	}
	return MaxPerRecipient
}

// Deal decides how many coupons go out, before the first one does. The
// capacities are what the recipients can take; free is the book's stock.
func (t DistributionTerms) Deal(capacities []Capacity, free int) (Deal, error) {
	free = max(0, free)
	room := takes(capacities)
	want := room // everyone gets what he can take
	if t.Mode == RandomMode {
		want = t.Count
	}
	most := min(want, room, free)
	switch {
	case most > 0 && (most == want || t.OnShortage == PartialOnShortage), want == 0:
		return NewDeal(capacities, most), nil
	case room == 0:
		return Deal{}, ErrShortage.With("No member can take a coupon: all are disabled, or have as many as the book allows.")
	case free < min(want, room):
		return Deal{}, ErrShortage.With("%d coupons are needed and %d are free: add codes, or set on_shortage to partial.", min(want, room), free)
	default:
		return Deal{}, ErrShortage.With("The members can take %d coupons of the %d: the book allows no more, and nobody gets more than %d. "+
			"Set on_shortage to partial, or ask for fewer.", room, want, MaxPerRecipient)
	}
}

// Recipient is a member of the pool when his turn comes.
type Recipient struct {
	N        int // his place in the plan, from 1
	UserID   uuid.UUID
	Planned  int
	Reason   OutcomeReason // why nothing is planned for him, or less than the terms have for him; empty: he was not drawn, or all is well
	Disabled bool          // since
	Used     int           // coupons of the book that he has by now
}

// unplanned is why nothing is planned for him.
func (r Recipient) unplanned() OutcomeReason { return cmp.Or(r.Reason, NotDrawn) }

// Gift is what becomes of a recipient.
type Gift struct {
	Recipient
	Coupons int // that he gets
	Status  OutcomeStatus
	Reason  OutcomeReason // why he gets nothing, or less than planned
}

// Hand gives recipients what the plan says, or what is still possible: the
// book's limit counts what they have by now, and left coupons are there.
func Hand(recipients []Recipient, perUser *int, left int) []Gift {
	gifts := make([]Gift, len(recipients))
	for i, r := range recipients {
		g := Gift{Recipient: r, Coupons: r.Planned, Status: OutcomeGranted, Reason: r.Reason}
		switch {
		case r.Planned == 0:
			g.Status, g.Reason = OutcomeSkipped, r.unplanned()
		case r.Disabled:
			g.Coupons, g.Status, g.Reason = 0, OutcomeSkipped, UserDisabled
		default:
			if perUser != nil && r.Used+g.Coupons > *perUser {
				g.Coupons, g.Reason = max(0, *perUser-r.Used), RowLimitReached
			}
			if g.Coupons > left {
				g.Coupons, g.Reason = left, NoCouponLeft
			}
			if g.Coupons == 0 {
				g.Status = OutcomeSkipped
			}
			if g.Coupons == 0 && g.Reason == NoCouponLeft {
				g.Status = OutcomeFailed // it was promised to him
			}
			left -= g.Coupons
		}
		gifts[i] = g
	}
	return gifts
}

// FailAll gives nobody anything, for a reason that came up on the way.
func FailAll(recipients []Recipient, reason OutcomeReason) []Gift {
	gifts := make([]Gift, len(recipients))
	for i, r := range recipients {
		gifts[i] = Gift{Recipient: r, Status: OutcomeFailed, Reason: reason}
		if r.Planned == 0 {
			gifts[i].Status, gifts[i].Reason = OutcomeSkipped, r.unplanned()
		}
	}
	return gifts
}

// Coupons is how many the gifts need.
func Coupons(gifts []Gift) (n int) {
	for _, g := range gifts {
		n += g.Coupons
	}
	return n
}
