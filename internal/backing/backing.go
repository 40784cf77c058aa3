// Package backing connects a process to the Postgres and the Redis behind it,
// and refuses to start on ones that would break a promise.
package backing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/health"
	"couponbook/internal/postgres"
	"couponbook/internal/redisdb"
)

// Services are the connections of one process.
type Services struct {
	Pool   *pgxpool.Pool
	Store  *postgres.Store
	Redis  redis.UniversalClient
	Checks health.Checks

	migrator *postgres.Migrator
}

// Connect fails when Postgres is too old or at another schema version, and when
// Redis may evict tasks. It waits for a Postgres that is away. A Redis that is away
// may come back: the product works without it meanwhile.
func Connect(ctx context.Context, databaseURL string, connections int, redisURL string) (_ *Services, err error) {
	s := &Services{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.Pool, err = open(ctx, databaseURL, connections); err != nil {
		return nil, err
	}
	s.Store = postgres.NewStore(s.Pool)
	if s.migrator, err = postgres.NewMigrator(s.Pool); err != nil {
		return nil, err
	}
	if err = s.migrator.Check(ctx); err != nil {
		return nil, err
	}
	if s.Redis, err = redisdb.Open(redisURL, redisdb.ForQueues); err != nil {
		return nil, err
	}
	if err = redisdb.Check(ctx, s.Redis); err != nil && !errors.Is(err, redisdb.ErrUnreachable) {
		return nil, err
	}
	s.Checks = health.Checks{
		Postgres: s.Store.Ping, Migrations: s.migrator.Check,
		Redis: func(ctx context.Context) error { return s.Redis.Ping(ctx).Err() },
	}
	return s, nil
}

// open waits for a Postgres that is not there yet: it does not matter what is
// started first.
func open(ctx context.Context, databaseURL string, connections int) (*pgxpool.Pool, error) {
	for {
		pool, err := postgres.Open(ctx, databaseURL, connections)
		if err == nil || !postgres.IsAway(err) || ctx.Err() != nil {
			return pool, err
		}
		slog.WarnContext(ctx, "waiting for Postgres", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// Close ends all connections.
func (s *Services) Close() {
	if s.Redis != nil {
		_ = s.Redis.Close()
	}
	if s.migrator != nil {
		_ = s.migrator.Close()
	}
	if s.Pool != nil {
		s.Pool.Close()
	}
}
