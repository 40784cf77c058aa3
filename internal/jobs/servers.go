package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/queue"
)

// Drain is how long a stopping worker waits for tasks under way.
const Drain = 25 * time.Second

// class is how a queue is served. Each has servers of its own: one server
// fetches one task at a time, and an idle queue ahead would cost a round trip.
type class struct {
	queue       string
	servers     int
	concurrency int           // hot books, bulk jobs or endpoints at a time, not claims
	pickup      time.Duration // how long an empty queue is left alone
}

// Assignments has few places. Books that wait for one gather claims meanwhile, and
// a transaction for many claims costs little more than one for a few
// (docs/decisions/0017).
var classes = []class{
	{queue.Assignments, 2, 1, 5 * time.Millisecond},
	{queue.Codes, 1, 2, 100 * time.Millisecond},
	{queue.Distributions, 1, 2, 100 * time.Millisecond},
	{queue.Webhooks, 1, 128, 20 * time.Millisecond}, // endpoints at a time: who is slow holds a place for seconds
}

// Servers are the asynq servers of one worker process.
type Servers struct {
	servers []*asynq.Server
	redis   redis.UniversalClient
}

// NewServers makes them on a connection that the caller closes afterwards.
func NewServers(client redis.UniversalClient) *Servers {
	s := &Servers{redis: client}
	for _, c := range classes {
		for range c.servers {
			s.servers = append(s.servers, asynq.NewServerFromRedisClient(uncancelled(client), asynq.Config{
				Concurrency:              c.concurrency,
				Queues:                   map[string]int{c.queue: 1},
				TaskCheckInterval:        c.pickup,
				DelayedTaskCheckInterval: 500 * time.Millisecond,
				ShutdownTimeout:          Drain,
				RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
				Logger:                   logger{},
				LogLevel:                 asynq.WarnLevel,
			}))
		}
	}
	return s
}

// Run serves until ctx ends, then lets tasks under way finish for up to Drain.
// A Redis that is away at the start is waited for: the sweeper works meanwhile.
func (s *Servers) Run(ctx context.Context, handler asynq.Handler) error {
	if !s.waitForRedis(ctx) {
		return nil
	}
	for i, server := range s.servers {
		if err := server.Start(handler); err != nil {
			s.shutdown(i)
			return fmt.Errorf("start task server: %w", err)
		}
	}
	<-ctx.Done()
	for _, server := range s.servers {
		server.Stop()
	}
	s.shutdown(len(s.servers))
	return nil
}

func (s *Servers) waitForRedis(ctx context.Context) bool {
	for ctx.Err() == nil {
		if err := s.redis.Ping(ctx).Err(); err == nil {
			return true
		} else if !errors.Is(err, context.Canceled) {
			slog.WarnContext(ctx, "waiting for Redis", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return false
}

func (s *Servers) shutdown(n int) {
	var all sync.WaitGroup
	for _, server := range s.servers[:n] { // side by side: each may take its whole time
		all.Go(server.Shutdown)
	}
	all.Wait()
}

// patient runs asynq's scripts although their context has ended. asynq 0.26
// acknowledges late results with a context that it has already cancelled: one
// lost acknowledgement, and the task runs again a minute later.
type patient struct{ redis.UniversalClient }

func uncancelled(client redis.UniversalClient) redis.UniversalClient { return patient{client} }

// EvalSha gives the script two seconds where the context gives it none.
func (p patient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := alive(ctx)
	defer cancel()
	return p.UniversalClient.EvalSha(ctx, sha, keys, args...)
}

// Eval does so too: a Redis that has started again knows no scripts by hash.
func (p patient) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := alive(ctx)
	defer cancel()
	return p.UniversalClient.Eval(ctx, script, keys, args...)
}

func alive(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
}

// logger hands asynq's lines to slog.
type logger struct{}

func (logger) Debug(args ...any) { slog.Debug("asynq", "detail", fmt.Sprint(args...)) }
func (logger) Info(args ...any)  { slog.Info("asynq", "detail", fmt.Sprint(args...)) }
func (logger) Warn(args ...any)  { slog.Warn("asynq", "detail", fmt.Sprint(args...)) }
func (logger) Error(args ...any) { slog.Error("asynq", "detail", fmt.Sprint(args...)) }
func (logger) Fatal(args ...any) { slog.Error("asynq", "detail", fmt.Sprint(args...)) }
