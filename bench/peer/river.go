package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// riverJob is a claim as a job of River, which has a job for each claim.
type riverJob struct {
	Job  uuid.UUID `json:"job"`
	Book uuid.UUID `json:"book"`
	User uuid.UUID `json:"user"`
}

// Kind is River's name for it.
func (riverJob) Kind() string { return "claim" }

// riverClaims accepts a claim and its job in one transaction.
type riverClaims struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

// newRiverClaims starts River's workers in this process, as its users do.
func newRiverClaims(ctx context.Context, pool *pgxpool.Pool, workers int) (riverClaims, error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return riverClaims{}, err
	}
	if _, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return riverClaims{}, err
	}
	handlers := river.NewWorkers()
	river.AddWorker(handlers, &riverWorker{pool: pool})
	client, err := river.NewClient(driver, &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}, Workers: handlers,
		// By default it fetches ten times a second, as many as there are workers: these claims are short.
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return riverClaims{}, err
	}
	return riverClaims{pool, client}, client.Start(ctx)
}

// Submit answers once the claim is accepted.
func (c riverClaims) Submit(ctx context.Context, p auth.Principal, in service.ClaimRequest) (service.Submission, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return service.Submission{}, err
	}
	job := coupon.Job{ID: id, Kind: coupon.ClaimJob, Status: coupon.Queued, BookID: &in.BookID, UserID: &p.UserID, SubmitterID: p.UserID, Total: 1}
	err = pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		// Not queued: the product's own workers would do it.
		err := tx.QueryRow(ctx, `
			INSERT INTO jobs (id, kind, status, book_id, user_id, submitter_id, idempotency_key, fingerprint, seq, created_at, started_at)
			VALUES ($1, 'claim', 'running', $2, $3, $3, nullif($4, ''), $5, 0, clock_timestamp(), clock_timestamp())
			RETURNING created_at`, id, in.BookID, p.UserID, in.IdempotencyKey, in.Fingerprint).Scan(&job.CreatedAt)
		if err != nil {
			return err
		}
		_, err = c.client.InsertTx(ctx, tx, riverJob{id, in.BookID, p.UserID}, nil)
		return err
	})
	return service.Submission{Job: job}, err
}

// riverWorker does a claim: the rows of the product, and the end of River's job
// in the same transaction.
type riverWorker struct {
	river.WorkerDefaults[riverJob]
	pool *pgxpool.Pool
}

// Work grants one coupon, or refuses.
func (w *riverWorker) Work(ctx context.Context, job *river.Job[riverJob]) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		_, err := claim{job: job.Args.Job, book: job.Args.Book, user: job.Args.User}.settle(ctx, tx, riverTake)
		if errors.Is(err, pgx.ErrNoRows) {
			_, err = tx.Exec(ctx, `UPDATE jobs SET status = 'failed', error_code = 'sold_out', failed = 1, processed = 1, started_at = now(), finished_at = now()
			                       WHERE id = $1`, job.Args.Job)
		}
		if err != nil {
			return err
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
}
