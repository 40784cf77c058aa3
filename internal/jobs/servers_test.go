package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/jobs"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/testdb"
	"couponbook/internal/testredis"
)

// A bell that is rung in one process makes another drain the book, and asynqmon
// shows what it did.
func TestServersDrain(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 3, 0)
	fixture.Queued(t, pool, book.ID, fixture.Users(t, pool, 5), 1)
	w := startWorker(t, testredis.New(t), handler(pool, fixture.Open{}))
	require.NoError(t, w.queue.RingBook(t.Context(), book.ID))
	info := w.awaitCompleted(t, queue.Assignments)
	require.Equal(t, "3 granted, 2 refused", string(info.Result))
	require.Equal(t, map[string]int{"succeeded": 3, "sold_out": 2}, fixture.Outcomes(t, pool, book.ID))
	fixture.Verify(t, pool)
}

// Each class of work is served, and a task that fails in its use case is over
// for asynq: it is neither retried nor archived.
func TestServersServeEveryQueue(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	w := startWorker(t, testredis.New(t), handler(pool, fixture.Open{}))
	pool.Close()
	require.NoError(t, w.queue.RingBook(t.Context(), uuid.New()))
	require.NoError(t, w.queue.RingJob(t.Context(), coupon.GenerateJob, uuid.New()))
	require.NoError(t, w.queue.RingJob(t.Context(), coupon.DistributionJob, uuid.New()))
	require.NoError(t, w.queue.RingEndpoint(t.Context(), uuid.New()))
	for _, name := range queue.All {
		info := w.awaitCompleted(t, name)
		require.Contains(t, string(info.Result), "stopped by an error, the sweeper goes on")
		require.Zero(t, info.Retried)
		require.Empty(t, info.LastErr)
	}
}

// blocked is a handler that tells of each task and waits to be let go.
type blocked struct {
	begun   chan string
	release chan struct{}
}

func newBlocked() *blocked { return &blocked{make(chan string, 8), make(chan struct{})} }

func (b *blocked) ProcessTask(_ context.Context, task *asynq.Task) error {
	b.begun <- string(task.Payload())
	<-b.release
	return nil
}

// A worker that starts without Redis waits for it, and serves when it is there.
func TestServersWaitForRedis(t *testing.T) {
	t.Parallel()
	server := testredis.New(t)
	server.Stop(t)
	h := newBlocked()
	close(h.release)
	from := logged.size()
	w := startWorker(t, server, h)
	logged.await(t, from, "waiting for Redis", addressOf(server))
	server.Start(t)
	book := uuid.New()
	require.NoError(t, w.queue.RingBook(t.Context(), book))
	require.Equal(t, book.String(), receive(t, h.begun))
}

// A worker that is stopped while it waits for Redis stops.
func TestServersStopWhileTheyWait(t *testing.T) {
	t.Parallel()
	server := testredis.New(t)
	server.Stop(t)
	w := startWorker(t, server, newBlocked())
	logged.await(t, 0, "waiting for Redis", addressOf(server))
	w.stop()
	require.NoError(t, receive(t, w.stopped))
}

// A worker that is stopped takes no more tasks and lets the one under way
// finish, which is done then for asynq too.
func TestAStoppedWorkerFinishesItsTasks(t *testing.T) {
	t.Parallel()
	h := newBlocked()
	w := startWorker(t, testredis.New(t), h)
	book := uuid.New()
	require.NoError(t, w.queue.RingBook(t.Context(), book))
	require.Equal(t, book.String(), receive(t, h.begun))
	w.stop()
	select {
	case err := <-w.stopped:
		require.FailNow(t, "the worker did not wait for its task", "%v", err)
	case <-time.After(200 * time.Millisecond): // and some more, up to jobs.Drain
	}
	require.Equal(t, asynq.TaskStateActive, w.only(t, queue.Assignments).State)
	close(h.release)
	require.NoError(t, receive(t, w.stopped))
	require.Equal(t, asynq.TaskStateCompleted, w.only(t, queue.Assignments).State)

	require.NoError(t, w.queue.RingJob(t.Context(), coupon.GenerateJob, uuid.New()))
	require.Equal(t, asynq.TaskStatePending, w.only(t, queue.Codes).State)
	require.Empty(t, h.begun)
}

// Servers that cannot start say so, and nothing of them goes on.
func TestServersThatCannotStart(t *testing.T) {
	t.Parallel()
	servers := jobs.NewServers(testredis.New(t).Client(t, redisdb.ForQueues))
	require.ErrorContains(t, servers.Run(t.Context(), nil), "start task server")
}

// asynq gives late acknowledgements with a context that it has cancelled: on a
// plain connection that does nothing, on ours it does.
func TestScriptsOutliveTheirContext(t *testing.T) {
	t.Parallel()
	client := testredis.New(t).Client(t, redisdb.ForQueues)
	sha, err := client.ScriptLoad(t.Context(), `return redis.call('incr', KEYS[1])`).Result()
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	key := []string{"done"}
	require.ErrorIs(t, client.EvalSha(ended, sha, key).Err(), context.Canceled)
	require.NoError(t, jobs.Uncancelled(client).EvalSha(ended, sha, key).Err())
	require.NoError(t, jobs.Uncancelled(client).EvalSha(t.Context(), sha, key).Err())
	require.Equal(t, "2", client.Get(t.Context(), "done").Val())
}

// recorder runs no scripts, it notes how long they may take.
type recorder struct {
	redis.UniversalClient
	limits chan time.Duration
}

func (r recorder) EvalSha(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	ends, _ := ctx.Deadline()
	r.limits <- time.Until(ends)
	return redis.NewCmd(ctx)
}

// A context that lives is left as it is; one that has ended gets two seconds.
func TestOnlyEndedContextsAreReplaced(t *testing.T) {
	t.Parallel()
	limits := make(chan time.Duration, 1)
	client := jobs.Uncancelled(recorder{limits: limits})
	living, cancel := context.WithTimeout(t.Context(), time.Minute)
	client.EvalSha(living, "sha", nil)
	require.InDelta(t, time.Minute, <-limits, float64(time.Second))
	cancel()
	client.EvalSha(living, "sha", nil)
	require.InDelta(t, 2*time.Second, <-limits, float64(time.Second))
}

// asynq's lines come into our log at their level, but what is fatal to asynq
// ends no process of ours, which can still sweep.
func TestAsynqLogsToOurs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		write func(...any)
		level string
	}{
		{jobs.Logger{}.Info, "INFO"}, {jobs.Logger{}.Warn, "WARN"}, {jobs.Logger{}.Error, "ERROR"}, {jobs.Logger{}.Fatal, "ERROR"},
	} {
		id := uuid.NewString()
		c.write("line ", id)
		line := logged.await(t, 0, id)
		require.Equal(t, "asynq", line["msg"])
		require.Equal(t, "line "+id, line["detail"])
		require.Equal(t, c.level, line["level"])
	}
	id := uuid.NewString()
	jobs.Logger{}.Debug(id)
	jobs.Logger{}.Info(id)
	require.Equal(t, "INFO", logged.await(t, 0, id)["level"], "the log's level hides debug lines")
}

// An acknowledgement that fails, since Redis is away, is given once it is back,
// at the latest when the worker stops: the task does not run again.
func TestALateAcknowledgement(t *testing.T) {
	t.Parallel()
	h := newBlocked()
	w := startWorker(t, testredis.New(t), h)
	require.NoError(t, w.queue.RingBook(t.Context(), uuid.New()))
	receive(t, h.begun)
	id := w.only(t, queue.Assignments).ID
	w.redis.Stop(t)
	close(h.release)
	logged.await(t, 0, id, "Will retry syncing")
	w.redis.Start(t)
	// The client asks a server that was away for again only once a second.
	require.Eventually(t, func() bool { _, err := w.inspector.Queues(); return err == nil }, 10*time.Second, 10*time.Millisecond)
	w.stop()
	require.NoError(t, receive(t, w.stopped))
	require.Equal(t, asynq.TaskStateCompleted, w.only(t, queue.Assignments).State)
}
