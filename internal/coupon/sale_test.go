package coupon_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// A sale's phase follows from the book, the clock and the stock.
func TestSalePhases(t *testing.T) {
	t.Parallel()
	before, after := noon.Add(-time.Second), noon.Add(time.Second)
	for want, sale := range map[coupon.SalePhase][]coupon.Sale{
		coupon.SaleOpen:    {{Status: coupon.Active}, {Status: coupon.Active, StartsAt: &noon, EndsAt: &after}},
		coupon.SaleComing:  {{Status: coupon.Active, StartsAt: &after}, {Status: coupon.Active, StartsAt: &after, SoldOut: true}},
		coupon.SaleSoldOut: {{Status: coupon.Active, SoldOut: true}, {Status: coupon.Active, StartsAt: &before, SoldOut: true}},
		coupon.SalePaused:  {{Status: coupon.Paused}, {Status: coupon.Paused, StartsAt: &after}},
		coupon.SaleEnded:   {{Status: coupon.Closed}, {Status: coupon.Active, EndsAt: &noon}, {Status: coupon.Paused, EndsAt: &before}},
	} {
		for _, s := range sale {
			s.Now = noon
			require.Equal(t, want, s.Phase(), "%+v", s)
		}
	}
}

// Claims for chosen coupons get that very one, once, within the user's limit.
func TestDecideChosen(t *testing.T) {
	t.Parallel()
	free, held, void := uuid.New(), uuid.New(), uuid.New()
	ann, ben := uuid.New(), uuid.New()
	claims := []coupon.Claim{
		{UserID: ann, Count: 1, CouponID: &void},
		{UserID: ann, Count: 1, CouponID: &held},
		{UserID: ann, Count: 1, CouponID: &free},
		{UserID: ben, Count: 1, CouponID: &free},
	}
	states := map[uuid.UUID]coupon.Chosen{free: {State: coupon.Unassigned}, held: {State: coupon.Locked}, void: {State: coupon.Void}}
	require.Equal(t, []string{"coupon_void", "coupon_taken", "", "coupon_taken"}, refusals(coupon.Decide(claims, coupon.Limit{}, 5, states)))
	require.Equal(t, []string{"coupon_void", "coupon_taken", "limit_reached", ""},
		refusals(coupon.Decide(claims, coupon.Limit{PerUser: new(1), Used: map[uuid.UUID]int{ann: 1}}, 5, states)))
	require.Equal(t, []string{"coupon_void", "coupon_taken", "sold_out", "sold_out"}, refusals(coupon.Decide(claims, coupon.Limit{}, 0, states)))
	for want, chosen := range map[string]coupon.Chosen{
		"coupon_expired":   {State: coupon.Expired},
		"already_redeemed": {State: coupon.Redeemed},
		"coupon_disabled":  {State: coupon.Unassigned, Disabled: true},
		"coupon_taken":     {State: coupon.Assigned, Disabled: true},
	} {
		states[free] = chosen
		require.Equal(t, want, refusals(coupon.Decide(claims, coupon.Limit{}, 5, states))[2])
	}

	mixed := []coupon.Claim{{}, {}, {CouponID: &free}, {}}
	now := time.Now()
	for i := range mixed {
		mixed[i].CreatedAt = now
	}
	same := func(claims []coupon.Claim) int { return len(coupon.SameKind(claims, coupon.Book{}, now)) }
	require.Equal(t, 2, same(mixed))
	require.Equal(t, 1, same(mixed[2:]))
	require.Equal(t, 1, same(mixed[3:]))
	mixed[1].Batch = true
	require.Equal(t, 1, same(mixed))
	require.Equal(t, 1, same(mixed[1:]), "a batch is a group of its own")
	mixed[1].Batch, mixed[0].CreatedAt = false, now.Add(-coupon.ClaimOpen)
	require.Equal(t, 1, same(mixed), "those that are too late, too")
}
