package service_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// Books that are sold out do not slow the next one: its drain keeps its pace
// when the statistics say that hardly a claim waits and hardly a coupon is free.
func TestHistoryDoesNotSlowADrain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	users := fixture.Users(t, h.pool, 6000)
	_, err := h.pool.Exec(t.Context(), `ALTER TABLE jobs SET (autovacuum_enabled = off)`)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `ALTER TABLE coupons SET (autovacuum_enabled = off)`)
	require.NoError(t, err)
	pace := func() time.Duration {
		book := fixture.Book(t, h.pool, len(users), 0)
		fixture.Queued(t, h.pool, book.ID, users, 1)
		start := time.Now()
		require.Equal(t, service.Drained{Granted: len(users)}, h.drain(t, book.ID))
		return time.Since(start)
	}
	first := pace()
	_, err = h.pool.Exec(t.Context(), `ANALYZE jobs, coupons`)
	require.NoError(t, err)
	second := pace()
	require.Less(t, second, 4*first)
}
