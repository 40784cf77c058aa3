package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"couponbook/migrations"
)

// ErrSchema is a database whose schema is not the one this program was built for.
var ErrSchema = errors.New("database schema does not fit this program")

// Migrator changes the schema. Two at once do no harm: one waits for
// the other.
type Migrator struct {
	pool     *pgxpool.Pool
	provider *goose.Provider
	close    func() error
}

// NewMigrator prepares the embedded migrations for the pool's database.
func NewMigrator(pool *pgxpool.Pool) (*Migrator, error) {
	db := stdlib.OpenDBFromPool(pool)
	locker, err := lock.NewPostgresTableLocker() // a row, not a session lock: PgBouncer-safe
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the migration lock: %w", err), db.Close())
	}
	provider, err := goose.NewProvider(database.DialectPostgres, db, migrations.Files, goose.WithLocker(locker))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read migrations: %w", err), db.Close())
	}
	return &Migrator{pool, provider, db.Close}, nil
}

// Up applies what is pending and returns how many migrations that were.
func (m *Migrator) Up(ctx context.Context) (int, error) {
	if err := m.refuseNewer(ctx); err != nil {
		return 0, err
	}
	applied, err := m.provider.Up(ctx)
	return len(applied), err
}

// DownAll takes every migration back. All data is lost.
func (m *Migrator) DownAll(ctx context.Context) error {
	_, err := m.provider.DownTo(ctx, 0)
	return err
}

// Check fails with ErrSchema unless the schema serves this program: it is this
// one's, or a newer one that still does.
func (m *Migrator) Check(ctx context.Context) error {
	if err := m.refuseNewer(ctx); err != nil {
		return err
	}
	pending, err := m.provider.HasPending(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if pending {
		return fmt.Errorf("%w: migrations are pending: run `couponctl migrate`", ErrSchema)
	}
	return nil
}

func (m *Migrator) refuseNewer(ctx context.Context) error {
	current, known, err := m.provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if current <= known {
		return nil
	}
	var floor int64
	if err = m.pool.QueryRow(ctx, `SELECT version FROM schema_floor`).Scan(&floor); err != nil {
		return fmt.Errorf("read what the schema serves: %w", err)
	}
	if known < floor {
		return fmt.Errorf("%w: it serves programs that know version %d, this one knows %d: use a newer program", ErrSchema, floor, known)
	}
	return nil
}

// Close frees what the migrator holds; the pool stays open.
func (m *Migrator) Close() error { return m.close() }
