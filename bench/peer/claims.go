package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// claims settles a claim in the request that brings it.
type claims struct {
	pool  *pgxpool.Pool
	claim func(context.Context, *pgxpool.Pool, claim) (uuid.UUID, error)
}

// claim is one of count 1, for the caller himself.
type claim struct {
	job, book, user uuid.UUID
	key             string
	fingerprint     []byte
}

var designs = map[string]func(context.Context, *pgxpool.Pool, claim) (uuid.UUID, error){
	"synchronous":   synchronous,
	"advisory-lock": advisoryLock,
}

// Submit answers with the finished job.
func (c claims) Submit(ctx context.Context, p auth.Principal, in service.ClaimRequest) (service.Submission, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return service.Submission{}, err
	}
	got, err := c.claim(ctx, c.pool, claim{id, in.BookID, p.UserID, in.IdempotencyKey, in.Fingerprint})
	if errors.Is(err, pgx.ErrNoRows) {
		return service.Submission{}, coupon.ErrSoldOut
	}
	if err != nil {
		return service.Submission{}, err
	}
	now := time.Now()
	return service.Submission{Job: coupon.Job{
		ID: id, Kind: coupon.ClaimJob, Status: coupon.Succeeded, BookID: &in.BookID, UserID: &p.UserID, SubmitterID: p.UserID,
		Total: 1, Processed: 1, Succeeded: 1, Coupons: []coupon.Granted{{ID: got}}, CreatedAt: now, FinishedAt: &now,
	}}, nil
}

// The rows are those of the product: the coupon, the user's counter, the job
// with its idempotency key, an event each for coupon and job. What only the
// product's own design needs, the queue's and the stock's row, is left out.
//
// The counter comes first, and is its own lock: two claims of a user at once
// cannot both be his last. Who finds no coupon has counted in vain: see uncount.
const (
	take = `
	WITH counted AS (
		INSERT INTO book_user_limits AS l (book_id, user_id, used)
		SELECT id, $2, 1 FROM books
		WHERE id = $1 AND status = 'active' AND (starts_at IS NULL OR starts_at <= now()) AND (ends_at IS NULL OR ends_at > now())
		ON CONFLICT (book_id, user_id) DO UPDATE SET used = l.used + 1
		WHERE l.used < coalesce((SELECT max_assignments_per_user FROM books WHERE id = $1), 1000000)
		RETURNING used),
	won AS (
		UPDATE coupons SET state = 'ASSIGNED', user_id = $2, job_id = $3, assigned_at = now(), event_seq = event_seq + 1
		WHERE EXISTS (SELECT FROM counted) AND id = `
	lowestFree = `SELECT id FROM coupons WHERE book_id = $1 AND state = 'UNASSIGNED' AND disabled_at IS NULL
		ORDER BY draw_rank LIMIT 1 FOR UPDATE SKIP LOCKED`
	newJob = ` RETURNING id, event_seq),
	job AS (
		INSERT INTO jobs (id, kind, status, book_id, user_id, submitter_id, idempotency_key, fingerprint, seq,
		                  coupon_ids, processed, succeeded, started_at, finished_at)
		SELECT $3, 'claim', 'succeeded', $1, $2, $2, nullif($4, ''), $5::bytea, 0, ARRAY[id], 1, 1, now(), now() FROM won),`
	endJob = ` RETURNING id, event_seq),
	job AS (
		UPDATE jobs SET status = 'succeeded', coupon_ids = ARRAY[won.id], processed = 1, succeeded = 1, started_at = now(), finished_at = now()
		FROM won WHERE jobs.id = $3),`
	tell = `
	told AS (
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, created_at)
		SELECT 'coupon.assigned', $1, id, event_seq, $3, $2, $2, now() FROM won
		UNION ALL
		SELECT 'job.succeeded', $1, NULL, NULL, $3, $2, $2, now() FROM won)
	SELECT (SELECT id FROM won), EXISTS (SELECT FROM counted)`

	takeLowest = take + `(` + lowestFree + `)` + newJob + tell
	takeChosen = take + `$6` + newJob + tell
	riverTake  = take + `(` + lowestFree + `)` + endJob + tell
	uncount    = `UPDATE book_user_limits SET used = used - 1 WHERE book_id = $1 AND user_id = $2`
)

// db is a pool or a transaction.
type db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// settle runs one of the statements above: the coupon, or pgx.ErrNoRows.
func (c claim) settle(ctx context.Context, db db, statement string, args ...any) (id uuid.UUID, err error) {
	var got *uuid.UUID
	var counted bool
	if err = db.QueryRow(ctx, statement, append([]any{c.book, c.user, c.job}, args...)...).Scan(&got, &counted); err != nil {
		return id, err
	}
	if got != nil {
		return *got, nil
	}
	if counted {
		if _, err = db.Exec(ctx, uncount, c.book, c.user); err != nil {
			return id, err
		}
	}
	return id, pgx.ErrNoRows
}

// synchronous is the best known single-row design: one statement, one round
// trip, SKIP LOCKED; a free row is its own proof of stock.
func synchronous(ctx context.Context, pool *pgxpool.Pool, c claim) (uuid.UUID, error) {
	return c.settle(ctx, pool, takeLowest, c.key, c.mark())
}

// advisoryLock lets one claim of a book at a time through: it counts what the
// user has, looks for a free row, and takes it.
func advisoryLock(ctx context.Context, pool *pgxpool.Pool, c claim) (id uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))`, c.book.String()); err != nil {
			return err
		}
		var has int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM coupons WHERE user_id = $2 AND book_id = $1`, c.book, c.user).Scan(&has)
		if err != nil {
			return err
		}
		if err = tx.QueryRow(ctx, lowestFree, c.book).Scan(&id); err != nil {
			return err
		}
		id, err = c.settle(ctx, tx, takeChosen, c.key, c.mark(), id)
		return err
	})
	return id, err
}

func (c claim) mark() []byte {
	if c.key == "" {
		return nil
	}
	return c.fingerprint
}
