package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/queue"
)

// A book's bell is a task with the book's id and nothing else, in the queue of
// its class, that people can look at for a minute after it is done.
func TestRingBook(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := uuid.New()
	require.NoError(t, h.queue.RingBook(t.Context(), book))
	tasks := h.pending(t, queue.Assignments)
	require.Len(t, tasks, 1)
	require.Equal(t, "assignment:drain", tasks[0].Type)
	require.Equal(t, book.String(), string(tasks[0].Payload))
	require.Equal(t, 30*time.Second, tasks[0].Timeout)
	require.Equal(t, time.Minute, tasks[0].Retention)
	require.Equal(t, 1, tasks[0].MaxRetry)
}

func TestRingJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := uuid.New()
	require.NoError(t, h.queue.RingJob(t.Context(), coupon.GenerateJob, job))
	tasks := h.pending(t, queue.Codes)
	require.Len(t, tasks, 1)
	require.Equal(t, "codes:generate", tasks[0].Type)
	require.Equal(t, job.String(), string(tasks[0].Payload))
	require.Equal(t, 30*time.Minute, tasks[0].Timeout)
	require.Equal(t, time.Minute, tasks[0].Retention)
}

// A kind of job that has no task, as claims have none, cannot be rung for.
func TestAJobWithoutATaskIsNotRung(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.Error(t, h.queue.RingJob(t.Context(), coupon.ClaimJob, uuid.New()))
	queues, err := h.inspector.Queues()
	require.NoError(t, err)
	require.Empty(t, queues)
}

// A book that was rung for is not rung for again until somebody has heard it, so
// that tasks do not pile up. Then there is a task of its own, with an id of its
// own: one that hangs does not keep the next from being put in. One that was lost
// counts for a second only.
func TestADoorbellThatNobodyHasHeard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := uuid.New()
	require.NoError(t, h.queue.RingBook(t.Context(), book))
	require.NoError(t, h.queue.RingBook(t.Context(), book))
	require.Len(t, h.pending(t, queue.Assignments), 1)
	lasts, err := h.redis.PTTL(t.Context(), "couponbook:rung:"+book.String()).Result()
	require.NoError(t, err)
	require.Positive(t, lasts)
	require.LessOrEqual(t, lasts, time.Second)
	require.NoError(t, h.queue.RingBook(t.Context(), uuid.New()))
	require.Len(t, h.pending(t, queue.Assignments), 2, "another book has its own")

	require.NoError(t, h.queue.Heard(t.Context(), book))
	require.NoError(t, h.queue.RingBook(t.Context(), book))
	tasks := h.pending(t, queue.Assignments)
	require.Len(t, tasks, 3)
	ids := map[string]bool{}
	for _, task := range tasks {
		ids[task.ID] = true
	}
	require.Len(t, ids, 3)
}

// With Redis away, rings fail, within the time that their context gives them.
func TestRingingWithoutRedisFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.server.Stop(t)
	require.Error(t, h.queue.RingJob(t.Context(), coupon.GenerateJob, uuid.New()))
	require.Error(t, h.queue.PublishDone(t.Context(), []uuid.UUID{uuid.New()}))
	require.Error(t, h.queue.Register(t.Context()))

	h.server.Start(t)
	require.NoError(t, h.queue.RingBook(t.Context(), uuid.New()))
	h.server.Pause(t)
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorContains(t, h.queue.RingBook(short, uuid.New()), context.DeadlineExceeded.Error())
	require.Less(t, time.Since(start), time.Second)
}

// After a FLUSHALL asynq does not name its queues again, and its monitor is
// blank; Register names them all.
func TestRegisterAfterAFlush(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ring := func() []string {
		require.NoError(t, h.queue.RingBook(t.Context(), uuid.New()))
		queues, err := h.inspector.Queues()
		require.NoError(t, err)
		return queues
	}
	require.Equal(t, []string{queue.Assignments}, ring())
	require.NoError(t, h.redis.FlushAll(t.Context()).Err())
	require.Empty(t, ring(), "asynq does so by itself by now: Register is needed no more")

	require.NoError(t, h.queue.Register(t.Context()))
	require.NoError(t, h.queue.Register(t.Context()))
	require.ElementsMatch(t, queue.All, ring())
	info, err := h.inspector.GetQueueInfo(queue.Assignments)
	require.NoError(t, err)
	require.Equal(t, 2, info.Pending) // the one before the flush is lost
}

// Tasks that wait are counted by queue; a Redis that is away is an error.
func TestTasksAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 3 {
		require.NoError(t, h.queue.RingBook(t.Context(), uuid.New()))
	}
	counts, err := h.queue.Tasks(t.Context())
	require.NoError(t, err)
	require.Equal(t, coupon.TaskCount{Pending: 3}, counts[queue.Assignments])
	require.Equal(t, coupon.TaskCount{}, counts[queue.Codes])
	h.server.Stop(t)
	_, err = h.queue.Tasks(t.Context())
	require.Error(t, err)
	h.server.Start(t)
}
