package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"couponbook/internal/tracing"
)

// MinVersion is the oldest PostgreSQL that the product runs on.
const MinVersion = 15

// Open connects to the database at url with at most connections of them, and
// makes sure that it is there and new enough. It says what to do if not.
func Open(ctx context.Context, url string, connections int) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL is not a connection URL like postgres://user:password@host:5432/name: %w", err)
	}
	settings.MaxConns = int32(min(max(connections, 1), 1000))
	settings.MaxConnLifetime = 30 * time.Minute
	settings.MaxConnLifetimeJitter = 5 * time.Minute
	settings.HealthCheckPeriod = 15 * time.Second
	if settings.ConnConfig.ConnectTimeout == 0 {
		settings.ConnConfig.ConnectTimeout = 3 * time.Second
	}
	settings.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		// Else every UUID goes through its text, at a cost that profiles show.
		pgxuuid.Register(conn.TypeMap())
		return nil
	}
	if tracing.On() {
		settings.ConnConfig.Tracer = otelpgx.NewTracer()
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	var version int
	if err = pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int / 10000").Scan(&version); err != nil {
		pool.Close()
		return nil, fmt.Errorf("cannot reach Postgres at %s:%d: check DATABASE_URL and that the server runs: %w",
			settings.ConnConfig.Host, settings.ConnConfig.Port, err)
	}
	if version < MinVersion {
		pool.Close()
		return nil, fmt.Errorf("the server at %s is Postgres %d: use %d or newer",
			settings.ConnConfig.Host, version, MinVersion)
	}
	return pool, nil
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed)
}
