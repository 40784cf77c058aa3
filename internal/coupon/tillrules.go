package coupon

import "time"

// TillRules say how a book's coupons are used.
type TillRules struct {
	RequireLock           bool          // redeem only what is locked
	LockFor               time.Duration // unless the caller asks for another time
	MaxRedemptions        int           // of a coupon; codes take it when they are made
	MaxRedemptionsPerUser *int          // in this book; nil: no limit
	RollbackWindow        time.Duration // after a redemption; 0: never
	ValidFor              time.Duration // of a coupon, from its assignment; 0: no end of its own
}

// tenYears is the longest time that a rule can name.
const tenYears = 10 * 365 * 24 * time.Hour

func (r TillRules) check(wrong *faults) {
	if r.LockFor < time.Second || r.LockFor > MaxLock {
		wrong.add("/lock_seconds", "must be between 1 and %d", int(MaxLock.Seconds()))
	}
	if r.MaxRedemptions < 1 || r.MaxRedemptions > 1_000_000 {
		wrong.add("/max_redemptions", "must be between 1 and 1000000")
	}
	if r.MaxRedemptionsPerUser != nil && (*r.MaxRedemptionsPerUser < 1 || *r.MaxRedemptionsPerUser > 1_000_000) {
		wrong.add("/max_redemptions_per_user", "must be between 1 and 1000000, or null for no limit")
	}
	if r.RollbackWindow < 0 || r.RollbackWindow > tenYears {
		wrong.add("/rollback_window_seconds", "must be between 0 (never) and %d", int(tenYears.Seconds()))
	}
	if r.ValidFor < 0 || r.ValidFor > tenYears {
		wrong.add("/valid_for_seconds", "must be between 0 (no end of its own) and %d", int(tenYears.Seconds()))
	}
}

// ExpiryOf is the own end of a coupon that is assigned at this instant; nil: it
// has none.
func (r TillRules) ExpiryOf(assigned time.Time) *time.Time {
	if r.ValidFor == 0 {
		return nil
	}
	return new(assigned.Add(r.ValidFor))
}
