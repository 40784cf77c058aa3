package service_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// Two hundred people ask at once, through two API processes, for the last
// twenty coupons, while three workers drain without any mutex: twenty get one,
// everyone else is told that it is sold out, and nothing deadlocks.
func TestRaceForTheLastCoupons(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	apis := []*house{newHouseOn(t, pool), newHouseOn(t, pool)}
	book := fixture.Book(t, pool, 20, 0)
	users := fixture.Users(t, pool, 200)

	var gateRefused, running atomic.Int32
	running.Store(200)
	ctx := within(t, time.Minute)
	together(203, func(i int) {
		if i >= 200 { // a worker: drains until all have asked
			for running.Load() > 0 {
				_, err := apis[0].drainer.Drain(ctx, book.ID)
				require.NoError(t, err)
			}
			return
		}
		defer running.Add(-1)
		_, err := apis[i%2].claim(t, users[i], book.ID, 1)
		if err != nil {
			require.ErrorIs(t, err, coupon.ErrSoldOut)
			gateRefused.Add(1)
		}
	})
	apis[0].drain(t, book.ID)

	outcomes := fixture.Outcomes(t, pool, book.ID)
	require.Equal(t, 20, outcomes["succeeded"])
	require.Equal(t, 180, outcomes["sold_out"]+int(gateRefused.Load()))
	require.Zero(t, outcomes["queued"])
	require.Zero(t, apis[0].stock(t, book.ID).Free)
	fixture.Verify(t, pool)
}

// Forty users ask five times each at once where each may have two: all ask in
// the same few groups, and each gets exactly two.
func TestRaceForThePerUserLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 500, 2)
	users := fixture.Users(t, h.pool, 40)
	together(200, func(i int) {
		_, err := h.claim(t, users[i%40], book.ID, 1)
		require.NoError(t, err)
	})
	together(3, func(int) {
		_, err := h.drainer.Drain(t.Context(), book.ID)
		require.NoError(t, err)
	})
	require.Equal(t, map[string]int{"succeeded": 80, "limit_reached": 120}, fixture.Outcomes(t, h.pool, book.ID))
	for _, user := range users {
		held, err := h.store.CouponsOf(t.Context(), user.UserID, coupon.HeldFilter{}, 10)
		require.NoError(t, err)
		require.Len(t, held, 2)
	}
	fixture.Verify(t, h.pool)
}

// Three drainers work on one long queue without the mutex. Every claim is
// decided once, in the order of acceptance, and nobody is refused while a
// coupon is left.
func TestThreeDrainersWithoutTheMutex(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2500, 0)
	users := fixture.Users(t, h.pool, 1500)
	first := fixture.Queued(t, h.pool, book.ID, users, 1)
	second := fixture.Queued(t, h.pool, book.ID, users, 1)

	var granted, refused atomic.Int32
	together(3, func(int) {
		done, err := h.drainer.Drain(within(t, time.Minute), book.ID)
		require.NoError(t, err)
		granted.Add(int32(done.Granted))
		refused.Add(int32(done.Refused))
	})
	require.EqualValues(t, 2500, granted.Load())
	require.EqualValues(t, 500, refused.Load())
	for _, id := range first { // the earlier half gets what there is
		require.Equal(t, coupon.Succeeded, h.job(t, id).Status)
	}
	require.Equal(t, coupon.Failed, h.job(t, second[len(second)-1]).Status)
	require.Len(t, h.queue.Done, 3000, "every job is published once")
	fixture.Verify(t, h.pool)
}

// A doorbell that comes twice, and three at once, changes nothing.
func TestADoorbellThatComesAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 5), 1)
	require.Equal(t, service.Drained{Granted: 5}, h.drain(t, book.ID))
	require.Equal(t, service.Drained{}, h.drain(t, book.ID))
	together(3, func(int) { h.drain(t, book.ID) })
	require.EqualValues(t, 5, h.stock(t, book.ID).Free)
	fixture.Verify(t, h.pool)
}

// The same external id, new, comes a hundred times at once through two API
// processes: it becomes one user.
func TestRaceToMakeAUser(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	apis := []*house{newHouseOn(t, pool), newHouseOn(t, pool)}
	book := fixture.Book(t, pool, 200, 0)
	shop := auth.Principal{UserID: book.OwnerID, Role: coupon.Manager}
	together(100, func(i int) {
		_, err := apis[i%2].claims.Submit(t.Context(), shop, service.ClaimRequest{
			BookID: book.ID, For: coupon.UserRef{ExternalID: "customer-7"}, CreateMissing: true, Count: 1,
		})
		require.NoError(t, err)
	})
	var users, claimants int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM users WHERE external_id = 'customer-7'`).Scan(&users))
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(DISTINCT user_id) FROM jobs WHERE kind = 'claim'`).Scan(&claimants))
	require.Equal(t, 1, users)
	require.Equal(t, 1, claimants)
	fixture.Verify(t, pool)
}
