package service_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// counter is a till with one user who holds one coupon of a book.
type counter struct {
	pool   *pgxpool.Pool
	till   *service.Till
	book   coupon.Book
	holder auth.Principal
	coupon coupon.Coupon
}

// newCounter makes one; rules is SQL that sets columns of the book.
func newCounter(t *testing.T, rules string) *counter {
	t.Helper()
	c := &counter{pool: testdb.New(t)}
	store := postgres.NewStore(c.pool)
	c.till = service.NewTill(store, auth.NewLockTokens(fixture.Keyring()))
	c.book = fixture.Book(t, c.pool, 0, 0)
	_, err := c.pool.Exec(t.Context(), `UPDATE books SET `+rules)
	require.NoError(t, err)
	fixture.Codes(t, c.pool, fixture.Owner(c.book), c.book.ID, 3)
	c.holder = fixture.User(t, c.pool, coupon.UserRole)
	fixture.Queued(t, c.pool, c.book.ID, []auth.Principal{c.holder}, 1)
	_, err = fixture.Drainer(store, fixture.Open{}, &fixture.Queue{}).Drain(t.Context(), c.book.ID)
	require.NoError(t, err)
	held, err := store.CouponsOf(t.Context(), c.holder.UserID, coupon.HeldFilter{}, 1)
	require.NoError(t, err)
	c.coupon = held[0].Coupon
	return c
}

func (c *counter) ref() postgres.CouponRef { return service.CouponRef(c.coupon.ID.String()) }

func (c *counter) lock(t *testing.T) service.Outcome {
	t.Helper()
	lock, err := c.till.Lock(t.Context(), c.holder, c.ref(), service.LockInput{})
	require.NoError(t, err)
	return lock
}

func (c *counter) count(t *testing.T, sql string) (n int) {
	t.Helper()
	require.NoError(t, c.pool.QueryRow(t.Context(), sql).Scan(&n))
	return n
}

// race calls try n times at once and counts the ends by error code; "" is success.
func race(n int, try func(i int) error) map[string]int {
	var mu sync.Mutex
	ends := map[string]int{}
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-begin
			err := try(i)
			code := ""
			if refusal, ok := errors.AsType[*coupon.Error](err); ok {
				code = refusal.Code
			} else if err != nil {
				code = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			ends[code]++
		})
	}
	close(begin)
	all.Wait()
	return ends
}

// A thousand redeem one single-use coupon with the right token: one succeeds.
func TestAThousandRedeems(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `require_lock = true`)
	lock := c.lock(t)
	ends := race(1000, func(int) error {
		_, err := c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: lock.Token})
		return err
	})
	require.Equal(t, map[string]int{"": 1, "already_redeemed": 999}, ends)
	require.Equal(t, 1, c.count(t, `SELECT count(*) FROM redemptions`))
	fixture.Verify(t, c.pool)
}

// The same order redeems once, however often and however many at once it asks:
// everyone gets the one redemption.
func TestAnOrderRedeemsOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `max_redemptions = 5, require_lock = false`)
	var mu sync.Mutex
	ids := map[string]int{}
	ends := race(200, func(int) error {
		got, err := c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{OrderRef: "order 1"})
		mu.Lock()
		defer mu.Unlock()
		ids[got.Redemption.ID.String()]++
		return err
	})
	require.Equal(t, map[string]int{"": 200}, ends)
	require.Len(t, ids, 1)
	require.Equal(t, 1, c.count(t, `SELECT count(*) FROM redemptions`))
	fixture.Verify(t, c.pool)
}

// Two hundred lock one coupon, each for an order of its own: one gets it.
func TestTwoHundredLocks(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `require_lock = true`)
	ends := race(200, func(int) error {
		_, err := c.till.Lock(t.Context(), c.holder, c.ref(), service.LockInput{})
		return err
	})
	require.Equal(t, map[string]int{"": 1, "coupon_locked": 199}, ends)
	require.Equal(t, 1, c.count(t, `SELECT count(*) FROM events WHERE type = 'coupon.locked'`))
	fixture.Verify(t, c.pool)
}

// Two hundred roll one redemption back: one does.
func TestTwoHundredRollbacks(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `rollback_window = '1 hour'`)
	redeemed, err := c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: c.lock(t).Token})
	require.NoError(t, err)
	ends := race(200, func(int) error {
		_, err := c.till.RollBack(t.Context(), fixture.Owner(c.book), redeemed.Redemption.ID, service.ReasonInput{Reason: "sent back"})
		return err
	})
	require.Equal(t, map[string]int{"": 1, "already_rolled_back": 199}, ends)
	require.Equal(t, 2, c.count(t, `SELECT count(*) FROM redemptions`))
	fixture.Verify(t, c.pool)
}

// A user's limit in the book holds over all his coupons and all their uses.
func TestRedemptionsPerUserAreLimited(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `max_redemptions = 100, require_lock = false, max_redemptions_per_user = 7`)
	fixture.Queued(t, c.pool, c.book.ID, []auth.Principal{c.holder}, 2)
	store := postgres.NewStore(c.pool)
	_, err := fixture.Drainer(store, fixture.Open{}, &fixture.Queue{}).Drain(t.Context(), c.book.ID)
	require.NoError(t, err)
	held, err := store.CouponsOf(t.Context(), c.holder.UserID, coupon.HeldFilter{}, 10)
	require.NoError(t, err)
	require.Len(t, held, 3)
	ends := race(200, func(i int) error {
		_, err := c.till.Redeem(t.Context(), c.holder, service.CouponRef(held[i%3].Coupon.Code), service.RedeemInput{})
		return err
	})
	require.Equal(t, map[string]int{"": 7, "redemption_limit_reached": 193}, ends)
	fixture.Verify(t, c.pool)
}

// A lock ends at its instant, by the database's clock, with nobody sweeping:
// a redeem a millisecond later is refused, and the next one can lock.
func TestALockEndsByItself(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `require_lock = true`)
	lock := c.lock(t)
	_, err := c.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() + '1 millisecond' WHERE state = 'LOCKED'`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return c.count(t, `SELECT count(*) FROM coupons WHERE locked_until < clock_timestamp()`) == 1
	}, 5*time.Second, time.Millisecond)
	_, err = c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: lock.Token})
	require.ErrorIs(t, err, coupon.ErrLockRequired)
	seen, err := c.till.Coupon(t.Context(), c.holder, c.ref())
	require.NoError(t, err)
	require.Equal(t, coupon.Assigned, seen.Coupon.State)

	again := c.lock(t)
	require.NotEqual(t, lock.Token, again.Token)
	_, err = c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: lock.Token})
	require.ErrorIs(t, err, coupon.ErrCouponLocked)
	_, err = c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: again.Token})
	require.NoError(t, err)
	fixture.Verify(t, c.pool)
}
