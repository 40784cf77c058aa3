package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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
const rows = `
	used AS (
		INSERT INTO book_user_limits AS l (book_id, user_id, used) SELECT $1, $2, 1 FROM won
		ON CONFLICT (book_id, user_id) DO UPDATE SET used = l.used + 1),
	job AS (
		INSERT INTO jobs (id, kind, status, book_id, user_id, submitter_id, idempotency_key, fingerprint, seq,
		                  coupon_ids, processed, succeeded, started_at, finished_at)
		SELECT $3, 'claim', 'succeeded', $1, $2, $2, nullif($4, ''), $5::bytea, 0, ARRAY[id], 1, 1, now(), now() FROM won),
	told AS (
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, created_at)
		SELECT 'coupon.assigned', $1, id, event_seq, $3, $2, $2, now() FROM won
		UNION ALL
		SELECT 'job.succeeded', $1, NULL, NULL, $3, $2, $2, now() FROM won)
	SELECT id FROM won`

// take is the coupon's own change; the first %s is how it is found.
const (
	takeFrom = `
	WITH won AS (
		UPDATE coupons SET state = 'ASSIGNED', user_id = $2, job_id = $3, assigned_at = now(), event_seq = event_seq + 1
		WHERE id = (SELECT id FROM coupons WHERE book_id = $1 AND state = 'UNASSIGNED'
		            ORDER BY draw_rank LIMIT 1 `
	takeEnd    = `) RETURNING id, event_seq),`
	skipLocked = takeFrom + `FOR UPDATE SKIP LOCKED` + takeEnd + rows
	plain      = takeFrom + takeEnd + rows
)

// synchronous is the best known single-row design: one statement, one round
// trip, SKIP LOCKED; a free row is its own proof of stock.
func synchronous(ctx context.Context, pool *pgxpool.Pool, c claim) (id uuid.UUID, err error) {
	err = pool.QueryRow(ctx, skipLocked, c.book, c.user, c.job, c.key, c.mark()).Scan(&id)
	return id, err
}

// advisoryLock lets one claim of a book at a time through.
func advisoryLock(ctx context.Context, pool *pgxpool.Pool, c claim) (id uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))`, c.book.String()); err != nil {
			return err
		}
		return tx.QueryRow(ctx, plain, c.book, c.user, c.job, c.key, c.mark()).Scan(&id)
	})
	return id, err
}

func (c claim) mark() []byte {
	if c.key == "" {
		return nil
	}
	return c.fingerprint
}
