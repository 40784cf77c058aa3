package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// BulkRun is one run of a bulk job. Its epoch fences earlier runs off: they
// find another epoch in the row and stop.
type BulkRun struct {
	ID          uuid.UUID
	BookID      uuid.UUID // zero: none
	PoolID      uuid.UUID // zero: none
	SubmitterID uuid.UUID
	Epoch       int
	Total       int
	Processed   int
	Failed      int
	Canceling   bool
	Params      []byte
	Result      []byte // what it has come to so far, if it notes that
}

const runColumns = `id, coalesce(book_id, '00000000-0000-0000-0000-000000000000') AS book_id,
	coalesce(pool_id, '00000000-0000-0000-0000-000000000000') AS pool_id, submitter_id, epoch, total, processed, failed, canceling, params, result`

// givesOut are the kinds of jobs that have workers of their own.
const givesOut = `('distribution', 'recall_distribution')`

// StartBulk begins a run of a job that waits, or whose run has shown no sign
// of life for five seconds. Else it fails with ErrJobNotFound, also while
// another job of the same submitter is at work: he has one place at a time, and
// whoever comes later with little does not wait for all of his.
func (s *Store) StartBulk(ctx context.Context, id uuid.UUID) (BulkRun, error) {
	return one[BulkRun](ctx, s.db, coupon.ErrJobNotFound, `
		UPDATE jobs j
		SET status = 'running', epoch = epoch + 1, heartbeat_at = clock_timestamp(),
		    started_at = coalesce(started_at, clock_timestamp())
		WHERE id = @id AND seq IS NULL
		  AND (status = 'running' AND heartbeat_at < clock_timestamp() - interval '5 seconds'
		       OR status = 'queued' AND NOT EXISTS (
		           SELECT FROM jobs other
		           WHERE other.seq IS NULL AND other.status = 'running' AND other.submitter_id = j.submitter_id AND other.id <> j.id
		             AND other.kind IN `+givesOut+` = (j.kind IN `+givesOut+`)
		             AND other.heartbeat_at > clock_timestamp() - interval '5 seconds'))
		RETURNING `+runColumns, pgx.StrictNamedArgs{"id": id})
}

// HoldRun locks the job's row for one chunk and shows that the run is alive.
// It fails with ErrJobNotFound when another run has taken over or it has ended.
func (s *Store) HoldRun(ctx context.Context, run BulkRun) (BulkRun, error) {
	return one[BulkRun](ctx, s.db, coupon.ErrJobNotFound, `
		UPDATE jobs SET heartbeat_at = clock_timestamp()
		WHERE id = @id AND epoch = @epoch AND status = 'running'
		RETURNING `+runColumns,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch})
}

// Advance counts what was done since; hold the run first.
func (s *Store) Advance(ctx context.Context, run BulkRun, succeeded, failed int) error {
	return s.Progress(ctx, run, succeeded, 0, failed)
}

// Progress counts what became of a run's items since; hold the run first.
func (s *Store) Progress(ctx context.Context, run BulkRun, succeeded, skipped, failed int) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE jobs
		SET processed = processed + @succeeded + @skipped + @failed, succeeded = succeeded + @succeeded, skipped = skipped + @skipped,
		    failed = failed + @failed, failures = 0, heartbeat_at = clock_timestamp()
		WHERE id = @id AND epoch = @epoch AND status = 'running'`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch, "succeeded": succeeded, "skipped": skipped, "failed": failed})
	if err != nil {
		return err
	}
	return exactly(1)(tag)
}

// NoteResult notes what a run has come to so far; hold the run first.
func (s *Store) NoteResult(ctx context.Context, run BulkRun, result json.RawMessage) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET result = @result WHERE id = @id`, pgx.StrictNamedArgs{"id": run.ID, "result": result})
	return err
}

// EndBulk ends a run: well, in parts if some items failed, or with an error.
// It writes the job's event too.
func (s *Store) EndBulk(ctx context.Context, run BulkRun, failure *coupon.Error, result json.RawMessage) error {
	var code, detail *string
	if failure != nil {
		code, detail = &failure.Code, &failure.Message
	}
	type ended struct{ Status coupon.JobStatus }
	end, err := one[ended](ctx, s.db, coupon.ErrJobNotFound, `
		UPDATE jobs
		SET status = CASE WHEN @code::text IS NOT NULL THEN 'failed' WHEN canceling THEN 'canceled'
		                  WHEN failed > 0 THEN 'partially_succeeded' ELSE 'succeeded' END,
		    error_code = @code, error_detail = @detail, result = @result, finished_at = clock_timestamp()
		WHERE id = @id AND epoch = @epoch AND status = 'running'
		RETURNING status`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch, "code": code, "detail": detail, "result": result})
	if err != nil {
		return err
	}
	event := Event{Type: coupon.JobEnded[end.Status], BookID: run.BookID, JobID: &run.ID, ActorID: &run.SubmitterID}
	if failure != nil {
		if event.Data, err = s.tellJob(ctx, run.ID); err != nil {
			return err
		}
	}
	return s.AddEvent(ctx, event)
}

// NoteFailure counts that a run broke, and returns it and how often that has
// happened since it got on.
func (s *Store) NoteFailure(ctx context.Context, id uuid.UUID) (run BulkRun, failures int, err error) {
	found, err := one[struct {
		BulkRun
		Failures int
	}](ctx, s.db, coupon.ErrJobNotFound, `
		UPDATE jobs SET failures = failures + 1 WHERE id = @id AND status = 'running' RETURNING `+runColumns+`, failures`,
		pgx.StrictNamedArgs{"id": id})
	return found.BulkRun, found.Failures, err
}

// NextBulk returns the jobs that may have waited for one to end: the first of
// its submitter, of either sort.
func (s *Store) NextBulk(ctx context.Context, ended uuid.UUID) ([]BulkJob, error) {
	return all[BulkJob](ctx, s.db, `
		SELECT DISTINCT ON (kind IN `+givesOut+`) id, kind FROM jobs j
		WHERE seq IS NULL AND status = 'queued' AND id <> @id AND submitter_id = (SELECT submitter_id FROM jobs WHERE id = @id)
		  AND `+notHeld+`
		ORDER BY kind IN `+givesOut+`, created_at`, pgx.StrictNamedArgs{"id": ended})
}

// Wait lets a run that waits for its book go: the job is queued again.
func (s *Store) Wait(ctx context.Context, run BulkRun) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET status = 'queued' WHERE id = @id AND epoch = @epoch AND status = 'running'`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch})
	return err
}

// Beat shows that a run is alive. It fails with ErrJobNotFound when another run
// has taken over, or the job was told to pause.
func (s *Store) Beat(ctx context.Context, run BulkRun) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE jobs SET heartbeat_at = clock_timestamp() WHERE id = @id AND epoch = @epoch AND status = 'running'`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrJobNotFound
	}
	return err
}
