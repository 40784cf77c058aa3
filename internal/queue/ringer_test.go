package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/queue"
)

// least is the time between two rings of one book.
const least = 10 * time.Millisecond

// bell records when it was rung for which book. It is used from one bubble, in
// which only one goroutine runs while the test looks.
type bell struct{ rung map[uuid.UUID][]time.Time }

func newBell() *bell { return &bell{map[uuid.UUID][]time.Time{}} }

func (b *bell) ring(_ context.Context, book uuid.UUID) error {
	b.rung[book] = append(b.rung[book], time.Now())
	return nil
}

// run runs a ringer in the background; stop ends it and waits.
func run(ctx context.Context, r *queue.Ringer) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	return func() { cancel(); <-done }
}

// A book rung a thousand times in a moment is rung at once, and once more at
// the moment's end; one rung once is rung once.
func TestManyRingsBecomeTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBell()
		r := queue.NewRinger(b.ring)
		stop := run(t.Context(), r)
		hot, calm := uuid.New(), uuid.New()
		start := time.Now()
		r.Ring(hot)
		synctest.Wait()
		require.Equal(t, []time.Time{start}, b.rung[hot], "the first ring does not wait")
		for range 999 {
			r.Ring(hot)
		}
		r.Ring(calm)
		<-time.After(time.Second)
		stop()
		require.Equal(t, []time.Time{start, start.Add(least)}, b.rung[hot])
		require.Len(t, b.rung[calm], 1)
	})
}

// call is a call of Ring for a book, and the time until the next one.
type call struct {
	book  uuid.UUID
	pause time.Duration
}

// play makes the calls and returns when there were calls and rings, by book.
func play(t *testing.T, calls []call) (called, rung map[uuid.UUID][]time.Time) {
	t.Helper()
	called = map[uuid.UUID][]time.Time{}
	synctest.Test(t, func(t *testing.T) {
		b := newBell()
		r := queue.NewRinger(b.ring)
		stop := run(t.Context(), r)
		for _, c := range calls {
			r.Ring(c.book)
			called[c.book] = append(called[c.book], time.Now())
			if c.pause > 0 {
				<-time.After(c.pause)
			}
		}
		<-time.After(2 * least)
		stop()
		rung = b.rung
	})
	return called, rung
}

// Whatever the calls: each is followed by a ring within the least time, rings
// for one book keep that distance, and none comes without a call.
func TestEveryCallIsFollowedByARing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		calls := make([]call, rapid.IntRange(1, 40).Draw(r, "calls"))
		for i := range calls {
			calls[i].book = uuid.UUID{15: byte(rapid.IntRange(0, 2).Draw(r, "book"))}
			calls[i].pause = time.Duration(rapid.IntRange(0, 12).Draw(r, "pause")) * time.Millisecond
		}
		called, rung := play(t, calls)
		require.Len(r, rung, len(called))
		for book, calls := range called {
			rings := rung[book]
			require.LessOrEqual(r, len(rings), len(calls))
			for i := 1; i < len(rings); i++ {
				require.GreaterOrEqual(r, rings[i].Sub(rings[i-1]), least)
			}
			for _, at := range calls {
				require.True(r, slices.ContainsFunc(rings, func(ring time.Time) bool {
					return !ring.Before(at) && ring.Sub(at) <= least
				}))
			}
		}
	})
}

// A call while the bell is being rung for the same book rings again: what it
// announces may have come too late for the first.
func TestACallDuringARingIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ringing, rings := make(chan struct{}), 0
		r := queue.NewRinger(func(context.Context, uuid.UUID) error {
			rings++
			<-ringing
			return nil
		})
		defer run(t.Context(), r)()
		book := uuid.New()
		r.Ring(book)
		synctest.Wait()
		require.Equal(t, 1, rings)
		r.Ring(book) // does not wait for the bell that hangs
		close(ringing)
		<-time.After(least)
		synctest.Wait()
		require.Equal(t, 2, rings)
	})
}

// A ring that fails is given up for the sweeper; the other books' bells and
// the book's next one ring.
func TestAFailedRingDoesNotStopTheRinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, fails := newBell(), true
		r := queue.NewRinger(func(ctx context.Context, book uuid.UUID) error {
			_ = b.ring(ctx, book)
			if fails {
				return errors.New("down")
			}
			return nil
		})
		defer run(t.Context(), r)()
		one, other := uuid.New(), uuid.New()
		r.Ring(one)
		r.Ring(other)
		<-time.After(time.Minute)
		require.Len(t, b.rung[one], 1)
		require.Len(t, b.rung[other], 1)
		fails = false
		r.Ring(one)
		<-time.After(time.Minute)
		require.Len(t, b.rung[one], 2)
	})
}

// A Redis that is dead at the end does not hold the process for long.
func TestTheLastRingsAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := queue.NewRinger(func(ctx context.Context, _ uuid.UUID) error { <-ctx.Done(); return ctx.Err() })
		for range 10 {
			r.Ring(uuid.New())
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		r.Run(ended)
		require.LessOrEqual(t, time.Since(start), time.Second)
	})
}

// When the process ends, what is marked still is rung, with a second's time
// although the context is over.
func TestTheLastRings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBell()
		var left time.Duration
		r := queue.NewRinger(func(ctx context.Context, book uuid.UUID) error {
			if ends, limited := ctx.Deadline(); limited {
				left = time.Until(ends)
			}
			require.NoError(t, ctx.Err())
			return b.ring(ctx, book)
		})
		stop := run(t.Context(), r)
		book, late := uuid.New(), uuid.New()
		r.Ring(book)
		synctest.Wait()
		r.Ring(book) // in the pause after the first ring
		r.Ring(late)
		start := time.Now()
		stop()
		require.Equal(t, start, time.Now(), "the pause is cut short")
		require.Len(t, b.rung[book], 2)
		require.Len(t, b.rung[late], 1)
		require.Equal(t, time.Second, left)
	})
}
