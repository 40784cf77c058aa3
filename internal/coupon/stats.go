package coupon

// BookStats are the numbers of a book at one instant. Locks and coupons whose
// time is over count as such once a sweeper has written that down.
type BookStats struct {
	Total       int64 // coupons ever made
	Free        int64 // nobody has them yet
	Disabled    int64 // nobody has them, and they are not given out
	Reserved    int64 // of the free ones, promised to a distribution
	Assigned    int64 // held and not locked
	Locked      int64
	Redeemed    int64 // used up
	Expired     int64
	Void        int64
	Redemptions int64 // uses, also those rolled back
	Rollbacks   int64
	Refused     int64 // claims that ended without a coupon
	Queued      int64 // claims that wait
}
