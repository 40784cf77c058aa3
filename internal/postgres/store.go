// Package postgres is the storage: all SQL of the product, and nothing else.
// Rules that a loaded row can decide live in package coupon; here are the
// statements, the locks they take and the order they take them in.
package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DBTX is what a pool and a transaction have in common.
type DBTX interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Store runs the product's statements on a pool or inside a transaction.
type Store struct{ db DBTX }

// NewStore makes a store on a pool.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{db: pool} }

// InTx runs work in one transaction: all of it happens, or none of it. Inside
// another transaction it is a savepoint.
func (s *Store) InTx(ctx context.Context, work func(tx *Store) error) error {
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	// Does nothing after Commit. Not pgx.BeginFunc: that reports the failure of
	// its rollback in place of the COMMIT's, which tells what may have happened.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err = work(&Store{db: tx}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.db.Exec(ctx, "SELECT 1")
	return err
}

// one runs a query that matches a single row, or fails with missing.
func one[T any](ctx context.Context, db DBTX, missing error, query string, args pgx.StrictNamedArgs) (T, error) {
	rows, _ := db.Query(ctx, query, args) // the collector reports its error
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		err = missing
	}
	return row, err
}

// all runs a query and returns its rows.
func all[T any](ctx context.Context, db DBTX, query string, args pgx.StrictNamedArgs) ([]T, error) {
	rows, _ := db.Query(ctx, query, args)
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// narrowed is the condition of a list that has in it only what narrows the list,
// so that the index of that is used.
type narrowed struct {
	where string
	args  pgx.StrictNamedArgs
}

func (n *narrowed) by(given bool, condition, name string, value any) {
	if given {
		n.where += ` AND ` + condition
		n.args[name] = value
	}
}

// exactly fails unless a statement changed want rows: its guard saw a state
// that the caller, holding the locks, did not expect.
func exactly(want int64) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != want {
			return &RowsError{Statement: tag.String(), Want: want, Got: tag.RowsAffected()}
		}
		return nil
	}
}
