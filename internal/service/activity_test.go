package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// happened is what a book's activity adds up to.
func happened(t *testing.T, store *postgres.Store, book coupon.Book) (sum coupon.Activity) {
	t.Helper()
	hours, err := service.New(store, &fixture.Queue{}).BookActivity(t.Context(), fixture.Owner(book), book.ID,
		coupon.ActivityFilter{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	for _, hour := range hours {
		sum.Granted += hour.Granted
		sum.Refused += hour.Refused
		sum.Redeemed += hour.Redeemed
		sum.RolledBack += hour.RolledBack
	}
	return sum
}

// Each event is counted once, however many sweepers count, and whenever.
func TestActivity(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 30, 1), fixture.Book(t, h.pool, 5, 0)
	count := func() { together(4, func(int) { require.NoError(t, h.sweeper.Activity(t.Context())) }) }
	count()
	require.Zero(t, happened(t, h.store, book))

	users := fixture.Users(t, h.pool, 40)
	for i := range 4 {
		fixture.Queued(t, h.pool, book.ID, users[i*10:i*10+10], 1)
		h.drain(t, book.ID)
		count()
	}
	fixture.Queued(t, h.pool, other.ID, users[:1], 3)
	h.drain(t, other.ID)
	fixture.CountActivity(t, h.pool)
	count()
	require.Equal(t, coupon.Activity{Granted: 30, Refused: 10}, happened(t, h.store, book))
	require.Equal(t, coupon.Activity{Granted: 3}, happened(t, h.store, other), "of one claim, but three coupons")
	fixture.Verify(t, h.pool)

	all, err := h.service.Activity(t.Context(), fixture.User(t, h.pool, coupon.Admin),
		coupon.ActivityFilter{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	var granted int64
	for _, hour := range all {
		granted += hour.Granted
	}
	require.EqualValues(t, 33, granted)
}

// Uses are counted when they are made, and when they are given back.
func TestActivityAtTheTill(t *testing.T) {
	t.Parallel()
	c := newCounter(t, `rollback_window = '1 hour'`)
	lock := c.lock(t)
	used, err := c.till.Redeem(t.Context(), c.holder, c.ref(), service.RedeemInput{Token: lock.Token})
	require.NoError(t, err)
	_, err = c.till.RollBack(t.Context(), fixture.Owner(c.book), used.Redemption.ID, service.ReasonInput{Reason: "sent back"})
	require.NoError(t, err)
	fixture.CountActivity(t, c.pool)
	require.Equal(t, coupon.Activity{Granted: 1, Redeemed: 1, RolledBack: 1}, happened(t, postgres.NewStore(c.pool), c.book))
}

// What commits late is not lost, though later events are there already.
func TestActivityWhileATransactionLingers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	late, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = late.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = late.Exec(t.Context(), `
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, created_at)
		SELECT 'coupon.redeemed', book_id, id, 99, clock_timestamp() FROM coupons WHERE book_id = $1 LIMIT 1`, book.ID)
	require.NoError(t, err)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 2), 1)
	h.drain(t, book.ID)
	require.NoError(t, h.sweeper.Activity(t.Context()))
	require.Zero(t, happened(t, h.store, book), "what comes after the one that lingers waits for it")
	require.NoError(t, late.Commit(t.Context()))
	fixture.CountActivity(t, h.pool)
	require.Equal(t, coupon.Activity{Granted: 2, Redeemed: 1}, happened(t, h.store, book))
}

// What cannot be counted now is counted later.
func TestActivityFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pool.Close()
	require.Error(t, h.sweeper.Activity(t.Context()))
}
