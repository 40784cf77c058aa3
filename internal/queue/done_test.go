package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// channel is part of the protocol between processes of different versions.
const channel = "couponbook:jobs:done"

// follow returns what FollowDone tells, once it listens.
func (h *house) follow(t *testing.T) <-chan []uuid.UUID {
	t.Helper()
	told := make(chan []uuid.UUID, 8)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.queue.FollowDone(ctx, func(jobs []uuid.UUID) { told <- jobs })
	}()
	t.Cleanup(func() { stop(); <-ended }) // it ends with its context
	h.awaitListener(t)
	return told
}

// awaitListener waits for a subscription, which Redis announces to nobody.
func (h *house) awaitListener(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return h.redis.PubSubNumSub(t.Context(), channel).Val()[channel] == 1
	}, 10*time.Second, 10*time.Millisecond)
}

func next(t *testing.T, told <-chan []uuid.UUID) []uuid.UUID {
	t.Helper()
	select {
	case jobs := <-told:
		return jobs
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing was told")
		return nil
	}
}

// What one process publishes, another hears: all ids, in order.
func TestPublishedJobsAreFollowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := h.follow(t)
	for _, n := range []int{1, 3, 500, 0} {
		jobs := make([]uuid.UUID, n)
		for i := range jobs {
			jobs[i] = uuid.New()
		}
		require.NoError(t, h.queue.PublishDone(t.Context(), jobs))
		require.Equal(t, jobs, next(t, told))
	}
}

// A message that is no list of ids is skipped; the next one arrives.
func TestAnUnreadableMessageIsSkipped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := h.follow(t)
	job := uuid.New()
	for _, message := range []string{"hello", string(job[:15]), string(job[:]) + "!"} {
		require.NoError(t, h.redis.Publish(t.Context(), channel, message).Err())
	}
	require.NoError(t, h.queue.PublishDone(t.Context(), []uuid.UUID{job}))
	require.Equal(t, []uuid.UUID{job}, next(t, told))
}

// Whoever follows goes on after Redis was away, without being asked to.
func TestFollowingGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	told := h.follow(t)
	h.server.Stop(t)
	h.server.Start(t)
	h.awaitListener(t)
	job := uuid.New()
	require.NoError(t, h.queue.PublishDone(t.Context(), []uuid.UUID{job}))
	require.Equal(t, []uuid.UUID{job}, next(t, told))
}

// Following can start before Redis does.
func TestFollowingWaitsForRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.server.Stop(t)
	told := make(chan []uuid.UUID, 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.queue.FollowDone(ctx, func(jobs []uuid.UUID) { told <- jobs })
	}()
	t.Cleanup(func() { stop(); <-ended })
	h.server.Start(t)
	h.awaitListener(t)
	job := uuid.New()
	require.NoError(t, h.queue.PublishDone(t.Context(), []uuid.UUID{job}))
	require.Equal(t, []uuid.UUID{job}, next(t, told))
}
