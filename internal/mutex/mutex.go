// Package mutex lets one process at a time do a piece of work, by a redsync
// mutex in Redis. It saves work, it guards nothing: Redis can lose a mutex, and
// its holder can be paused past its end. Whoever needs safety gets it from
// Postgres; remove every use of this package and all outcomes stay the same.
package mutex

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/loop"
	"couponbook/internal/metrics"
)

// ErrTaken means that someone else holds the mutex and does the work.
var ErrTaken = errors.New("mutex is taken")

const (
	ttl         = 3 * time.Second // a dead holder delays others by this much
	extendEvery = time.Second
)

// KeyPrefix begins the keys of mutexes in Redis.
const KeyPrefix = "couponbook:mutex:"

// Mutexes hands out mutexes by name.
type Mutexes struct{ redsync *redsync.Redsync }

// New uses a client of its own kind: see redisdb.ForMutexes.
func New(client redis.UniversalClient) *Mutexes {
	return &Mutexes{redsync.New(goredis.NewPool(client))}
}

// Try runs work while it holds the named mutex, or returns ErrTaken at once.
// With Redis in trouble it runs work without: two may then do the same.
func (m *Mutexes) Try(ctx context.Context, name string, work func(context.Context) error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	mutex := m.redsync.NewMutex(KeyPrefix+name, redsync.WithExpiry(ttl), redsync.WithTimeoutFactor(0.1))
	if err := mutex.TryLockContext(ctx); err != nil {
		if _, taken := errors.AsType[*redsync.ErrTaken](err); taken {
			metrics.Mutexes.WithLabelValues("taken").Inc()
			return ErrTaken
		}
		metrics.Mutexes.WithLabelValues("without").Inc()
		slog.WarnContext(ctx, "working without mutex", "mutex", name, "error", err)
		return work(ctx)
	}
	metrics.Mutexes.WithLabelValues("held").Inc()
	stop := keep(ctx, mutex)
	defer func() {
		stop()
		// A mutex that ran out meanwhile is no failure: the work was safe without.
		if ok, err := mutex.UnlockContext(context.WithoutCancel(ctx)); err != nil || !ok {
			metrics.Mutexes.WithLabelValues("lost").Inc()
		}
	}()
	return work(ctx)
}

// keep extends the mutex until stop is called; redsync has no watchdog.
func keep(ctx context.Context, mutex *redsync.Mutex) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var extending sync.WaitGroup
	extending.Go(func() {
		loop.Every(ctx, extendEvery, "extend a mutex", func(ctx context.Context) error {
			_, err := mutex.ExtendContext(ctx)
			return err
		})
	})
	return func() { cancel(); extending.Wait() }
}
