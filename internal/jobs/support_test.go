package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/fixture"
	"couponbook/internal/jobs"
	"couponbook/internal/mutex"
	"couponbook/internal/postgres"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
	"couponbook/internal/testredis"
	"couponbook/internal/webhook"
)

// TestMain keeps the log of all tests: each looks for the lines with its own ids.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, nil)))
	goleak.VerifyTestMain(m)
}

var logged logBook

// logBook is the process's log; tests read it while others write.
type logBook struct {
	mu    sync.Mutex
	lines [][]byte
	woken chan struct{} // closed by the next line
}

func (l *logBook) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, bytes.Clone(line))
	if l.woken != nil {
		close(l.woken)
		l.woken = nil
	}
	return len(line), nil
}

// await returns the first line from a place on that holds all the words.
func (l *logBook) await(t *testing.T, from int, words ...string) map[string]any {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		for ; from < len(l.lines); from++ {
			if holds(l.lines[from], words) {
				defer l.mu.Unlock()
				var fields map[string]any
				require.NoError(t, json.Unmarshal(l.lines[from], &fields))
				return fields
			}
		}
		if l.woken == nil {
			l.woken = make(chan struct{})
		}
		woken := l.woken
		l.mu.Unlock()
		select {
		case <-woken:
		case <-late:
			require.FailNow(t, "not logged", "%q", words)
		}
	}
}

func holds(line []byte, words []string) bool {
	for _, word := range words {
		if !bytes.Contains(line, []byte(word)) {
			return false
		}
	}
	return true
}

// handler is the queue's door on a database.
func handler(pool *pgxpool.Pool, mutexes service.Mutexes) asynq.Handler {
	store := postgres.NewStore(pool)
	s := service.New(store, &fixture.Queue{})
	heard := func(context.Context, uuid.UUID) error { return nil }
	return jobs.Handler(heard, s, fixture.Drainer(store, mutexes, &fixture.Queue{}), service.NewWebhooks(s, webhook.NewSender(webhook.Guard{}, nil)))
}

func task(name string, id uuid.UUID) *asynq.Task { return asynq.NewTask(name, []byte(id.String())) }

// taken is a mutex that someone else always holds.
type taken struct{}

func (taken) Try(context.Context, string, func(context.Context) error) error { return mutex.ErrTaken }

// worker is a worker's servers on a Redis of their own.
type worker struct {
	redis     *testredis.Server
	queue     *queue.Client
	inspector *asynq.Inspector
	stop      func()       // begins to stop it
	stopped   <-chan error // tells how it ended
}

// startWorker serves tasks until the test ends or stops it.
func startWorker(t *testing.T, redis *testredis.Server, handler asynq.Handler) *worker {
	t.Helper()
	client := redis.Client(t, redisdb.ForQueues)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	ended := make(chan struct{})
	servers := jobs.NewServers(client)
	go func() {
		defer close(ended)
		stopped <- servers.Run(ctx, handler)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return &worker{redis, queue.NewClient(client), asynq.NewInspectorFromRedisClient(client), stop, stopped}
}

// only returns the one task of a queue, in whatever state it rests.
func (w *worker) only(t *testing.T, queue string) *asynq.TaskInfo {
	t.Helper()
	var found []*asynq.TaskInfo
	for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		w.inspector.ListPendingTasks, w.inspector.ListActiveTasks, w.inspector.ListCompletedTasks,
		w.inspector.ListRetryTasks, w.inspector.ListArchivedTasks,
	} {
		tasks, err := list(queue)
		require.NoError(t, err)
		found = append(found, tasks...)
	}
	require.Len(t, found, 1)
	return found[0]
}

// awaitCompleted waits until the queue's one task is done; asynq tells nobody.
func (w *worker) awaitCompleted(t *testing.T, queue string) *asynq.TaskInfo {
	t.Helper()
	var done []*asynq.TaskInfo
	require.Eventually(t, func() bool {
		done, _ = w.inspector.ListCompletedTasks(queue) // fails until there is such a queue
		return len(done) == 1
	}, 20*time.Second, 10*time.Millisecond)
	return done[0]
}

// addressOf is how a server appears in errors.
func addressOf(server *testredis.Server) string {
	return strings.TrimSuffix(strings.TrimPrefix(server.URL, "redis://"), "/0")
}

// receive gives up on a signal that does not come.
func receive[T any](t *testing.T, signal <-chan T) T {
	t.Helper()
	select {
	case value := <-signal:
		return value
	case <-time.After(20 * time.Second):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// size is the place of the next line.
func (l *logBook) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}
