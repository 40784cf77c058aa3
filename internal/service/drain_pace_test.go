package service_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
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

// A hot book has its turn, and rings for the next one; where nobody can be rung
// for, it goes on.
func TestTurns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.drainer.Turn = 0 // one group
	book := fixture.Book(t, h.pool, 1200, 0)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 1200), 1)
	for rung := range 2 {
		require.Equal(t, service.Drained{Granted: 500}, h.drain(t, book.ID))
		require.Len(t, h.queue.Rung, rung+1)
		require.Equal(t, book.ID, h.queue.Rung[rung])
	}
	require.Equal(t, service.Drained{Granted: 200}, h.drain(t, book.ID))
	require.Zero(t, h.count(t, `SELECT count(*) FROM jobs WHERE status = 'queued'`))

	alone := service.NewDrainer(h.store, fixture.Open{}, &mute{})
	alone.Turn = 0
	book = fixture.Book(t, h.pool, 1200, 0)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 1200), 1)
	done, err := alone.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.Equal(t, service.Drained{Granted: 1200}, done)
	fixture.Verify(t, h.pool)
}

// mute is a queue whose Redis is away.
type mute struct{ fixture.Queue }

func (*mute) RingBook(context.Context, uuid.UUID) error { return errors.New("no Redis") }
