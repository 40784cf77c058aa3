package coupon

import (
	"cmp"
	"slices"
)

// Capacity is how many coupons some recipients can take each.
type Capacity struct{ Each, Recipients int }

// Deal is how coupons are dealt: round by round, one to each recipient who can
// take one more. What the last round has too few for goes to recipients drawn
// at random from those. So nobody gets two more than another who could have
// taken as many.
type Deal struct {
	Coupons int // in all
	Level   int // of the whole rounds: everyone gets as many, or what he can take
	Extras  int // how many of those who can take more get one more
}

// NewDeal deals at most so many coupons.
func NewDeal(capacities []Capacity, most int) Deal {
	byEach := slices.SortedFunc(slices.Values(capacities), func(a, b Capacity) int { return cmp.Compare(a.Each, b.Each) })
	open := 0 // recipients who can take more than the level
	for _, c := range byEach {
		open += c.Recipients
	}
	deal := Deal{}
	for _, c := range byEach {
		if step := c.Each - deal.Level; step*open <= most-deal.Coupons {
			deal.Level += step
			deal.Coupons += step * open
			open -= c.Recipients
			continue
		}
		rest := most - deal.Coupons
		deal.Level += rest / open
		deal.Extras = rest % open
		deal.Coupons = most
		break
	}
	return deal
}

// takes is how many coupons recipients can take together.
func takes(capacities []Capacity) (n int) {
	for _, c := range capacities {
		n += c.Each * c.Recipients
	}
	return n
}
