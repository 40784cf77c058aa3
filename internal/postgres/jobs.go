package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// jobSelect reads jobs as clients see them. Codes are not copied into jobs:
// they are looked up by the ids that the job was granted.
const jobSelect = `
	SELECT j.id, j.kind, j.status, j.book_id, j.pool_id, j.user_id, j.coupon_id, j.submitter_id, j.total, j.processed, j.succeeded, j.failed,
	       j.skipped, j.canceling,
	       CASE WHEN s.book_id IS NOT NULL THEN greatest(1, j.seq - s.last_drained) END AS position,
	       CASE WHEN s.drained_at > clock_timestamp() - interval '5 seconds' -- else nobody knows when it goes on
	            THEN (greatest(1, j.seq - s.last_drained) / nullif(s.drain_rate, 0) * 1000)::bigint END AS left_ms,
	       greatest(0, extract(epoch FROM coalesce(j.started_at, j.finished_at, clock_timestamp()) - j.created_at) * 1000)::bigint AS waited_ms,
	       CASE WHEN j.coupon_ids IS NOT NULL THEN (
	           SELECT jsonb_agg(jsonb_build_object('id', c.id, 'code', c.code, 'expires_at', least(c.expires_at, b.ends_at)) ORDER BY n)
	           FROM unnest(j.coupon_ids) WITH ORDINALITY AS granted (id, n)
	           JOIN coupons c ON c.id = granted.id JOIN books b ON b.id = c.book_id) END AS coupons,
	       CASE WHEN j.error_code = 'limit_reached' THEN (
	           SELECT jsonb_agg(jsonb_build_object('id', c.id, 'code', c.code, 'expires_at', least(c.expires_at, b.ends_at)) ORDER BY c.assigned_at, c.id)
	           FROM coupons c JOIN books b ON b.id = c.book_id
	           WHERE c.user_id = j.user_id AND c.book_id = j.book_id) END AS held,
	       CASE WHEN j.kind = 'distribution' THEN (
	           SELECT jsonb_build_object('mode', mode, 'per_user', nullif(per_user, 0), 'count', nullif(count, 0), 'on_shortage', on_shortage,
	                                     'dry_run', dry_run, 'plan_id', plan_id)
	           FROM distributions WHERE job_id = j.id) END AS terms,
	       j.result, j.error_code, j.error_detail, j.created_at, j.started_at, j.finished_at
	FROM jobs j LEFT JOIN book_stock s ON s.book_id = j.book_id AND j.seq IS NOT NULL AND j.status = 'queued' `

// Jobs reads jobs by id. Unknown ids are left out.
func (s *Store) Jobs(ctx context.Context, ids []uuid.UUID) ([]coupon.Job, error) {
	return all[coupon.Job](ctx, s.db, jobSelect+`WHERE j.id = ANY(@ids)`, pgx.StrictNamedArgs{"ids": ids})
}

// ListJobs lists jobs, newest first. Only what narrows the list is in its
// query, so that the index of that is used.
func (s *Store) ListJobs(ctx context.Context, f coupon.JobFilter, limit int) ([]coupon.Job, error) {
	n := narrowed{`WHERE true`, pgx.StrictNamedArgs{"limit": limit}}
	n.by(f.VisibleTo != nil, `j.submitter_id = @visible_to`, "visible_to", f.VisibleTo)
	n.by(f.BookID != nil, `j.book_id = @book_id`, "book_id", f.BookID)
	n.by(f.PoolID != nil, `j.pool_id = @pool_id`, "pool_id", f.PoolID)
	n.by(f.Kind != nil, `j.kind = @kind`, "kind", f.Kind)
	n.by(f.Status != nil, `j.status = @status`, "status", f.Status)
	if f.Bulk {
		n.where += ` AND j.seq IS NULL`
	}
	n.by(f.Before != nil, `j.id < @before`, "before", f.Before)
	return all[coupon.Job](ctx, s.db, jobSelect+n.where+` ORDER BY j.id DESC LIMIT @limit`, n.args)
}

// KeyedJob is the job that an idempotency key brought.
type KeyedJob struct {
	ID             uuid.UUID
	SubmitterID    uuid.UUID
	IdempotencyKey string
	Fingerprint    []byte
}

// JobsByKey finds jobs by submitter and idempotency key, pairwise.
func (s *Store) JobsByKey(ctx context.Context, submitters []uuid.UUID, keys []string) ([]KeyedJob, error) {
	return all[KeyedJob](ctx, s.db, `
		SELECT j.id, j.submitter_id, j.idempotency_key, j.fingerprint
		FROM unnest(@submitters::uuid[], @keys::text[]) AS asked (submitter_id, key)
		JOIN jobs j ON j.submitter_id = asked.submitter_id AND j.idempotency_key = asked.key`,
		pgx.StrictNamedArgs{"submitters": submitters, "keys": keys})
}

// AddJob stores a bulk job. It reports false when the idempotency key has one already.
func (s *Store) AddJob(ctx context.Context, job coupon.NewJob) (bool, error) {
	callback := job.Callback
	if callback == nil {
		callback = &coupon.Callback{}
	}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO jobs (id, kind, book_id, pool_id, submitter_id, idempotency_key, fingerprint, total, seq, params,
		                  callback_url, callback_endpoint_id, traceparent)
		VALUES (@id, @kind, @book_id, @pool_id, @submitter_id, nullif(@key, ''), @fingerprint, @total, @seq, @params, @callback_url, @callback_endpoint_id, @trace)
		ON CONFLICT (submitter_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING`,
		pgx.StrictNamedArgs{
			"id": job.ID, "kind": job.Kind, "book_id": idOrNull(job.BookID), "pool_id": idOrNull(job.PoolID), "submitter_id": job.SubmitterID,
			"key": job.IdempotencyKey, "fingerprint": job.Fingerprint, "total": job.Total, "seq": job.Seq, "params": job.Params,
			"callback_url": textOrNull(callback.URL), "callback_endpoint_id": idOrNull(callback.EndpointID), "trace": textOrNull(job.Trace),
		})
	return tag.RowsAffected() == 1, err
}

// Traces finds the spans that accepted jobs, of those that are traced.
func (s *Store) Traces(ctx context.Context, jobs []uuid.UUID) (map[uuid.UUID]string, error) {
	type traced struct {
		ID          uuid.UUID
		Traceparent string
	}
	found, err := all[traced](ctx, s.db, `SELECT id, traceparent FROM jobs WHERE id = ANY(@jobs) AND traceparent IS NOT NULL`,
		pgx.StrictNamedArgs{"jobs": jobs})
	traces := make(map[uuid.UUID]string, len(found))
	for _, t := range found {
		traces[t.ID] = t.Traceparent
	}
	return traces, err
}

// NextSeq gives the next place in a book's queue. Nobody else gets one until the
// end of the transaction, so that their order is the order of commit.
func (s *Store) NextSeq(ctx context.Context, bookID uuid.UUID) (seq int64, err error) {
	err = s.db.QueryRow(ctx, `UPDATE book_queues SET last_seq = last_seq + 1 WHERE book_id = @book_id RETURNING last_seq`,
		pgx.StrictNamedArgs{"book_id": bookID}).Scan(&seq)
	return seq, err
}

// ClaimItem is an item of a batch of claims.
type ClaimItem struct {
	ItemID string
	UserID uuid.UUID
	Count  int
}

// AddClaimItems stores the items of a batch, in their order.
func (s *Store) AddClaimItems(ctx context.Context, jobID uuid.UUID, items []ClaimItem) error {
	ids, users, counts := make([]string, len(items)), make([]uuid.UUID, len(items)), make([]int32, len(items))
	for i, item := range items {
		ids[i], users[i], counts[i] = item.ItemID, item.UserID, int32(item.Count)
	}
	_, err := s.db.Exec(ctx, `
		INSERT INTO claim_items (job_id, n, item_id, user_id, count)
		SELECT @job_id, n, item_id, user_id, count
		FROM unnest(@ids::text[], @users::uuid[], @counts::int[]) WITH ORDINALITY AS item (item_id, user_id, count, n)`,
		pgx.StrictNamedArgs{"job_id": jobID, "ids": ids, "users": users, "counts": counts})
	return err
}

// ExistingJobs returns those of the ids that are stored: the answer to a COMMIT
// in doubt.
func (s *Store) ExistingJobs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, _ := s.db.Query(ctx, `SELECT id FROM jobs WHERE id = ANY(@ids)`, pgx.StrictNamedArgs{"ids": ids})
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	exists := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		exists[id] = true
	}
	return exists, err
}

func idOrNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// JobForUpdate returns a job that nobody else changes until the end of the
// transaction: a run of it waits with its next part.
func (s *Store) JobForUpdate(ctx context.Context, id uuid.UUID) (coupon.Job, error) {
	return one[coupon.Job](ctx, s.db, coupon.ErrJobNotFound, jobSelect+`WHERE j.id = @id FOR UPDATE OF j`, pgx.StrictNamedArgs{"id": id})
}

// CancelJob ends a job that waits; hold it by JobForUpdate first.
func (s *Store) CancelJob(ctx context.Context, job coupon.Job, actor uuid.UUID) error {
	tag, err := s.db.Exec(ctx, `UPDATE jobs SET status = 'canceled', finished_at = clock_timestamp() WHERE id = @id AND status = 'queued'`,
		pgx.StrictNamedArgs{"id": job.ID})
	if err == nil {
		err = exactly(1)(tag)
	}
	if err == nil {
		_, err = s.db.Exec(ctx, `DELETE FROM claim_items WHERE job_id = @id`, pgx.StrictNamedArgs{"id": job.ID})
	}
	if err != nil {
		return err
	}
	return s.AddEvent(ctx, Event{Type: coupon.JobCanceled, BookID: orNil(job.BookID), JobID: &job.ID, UserID: job.UserID, ActorID: &actor})
}

// RetryJob lets a bulk job that failed go on where it stopped; hold it by
// JobForUpdate first.
func (s *Store) RetryJob(ctx context.Context, job coupon.Job, actor uuid.UUID) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE jobs SET status = 'queued', error_code = NULL, error_detail = NULL, finished_at = NULL, failures = 0
		WHERE id = @id AND status = 'failed' AND seq IS NULL`, pgx.StrictNamedArgs{"id": job.ID})
	if err == nil {
		err = exactly(1)(tag)
	}
	if err != nil {
		return err
	}
	data, err := s.tellJob(ctx, job.ID)
	if err != nil {
		return err
	}
	return s.AddEvent(ctx, Event{Type: coupon.JobRetried, BookID: orNil(job.BookID), JobID: &job.ID, ActorID: &actor, Data: data})
}

// tellJob is what an event tells of a job as it is now.
func (s *Store) tellJob(ctx context.Context, id uuid.UUID) (data json.RawMessage, err error) {
	err = s.db.QueryRow(ctx, `SELECT jsonb_build_object('job', `+toldJob+`) FROM jobs j WHERE j.id = @id`, pgx.StrictNamedArgs{"id": id}).Scan(&data)
	return data, err
}

func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

// SteerJob stores what a job was told: to pause, to go on, to end. Hold it by
// JobForUpdate first.
func (s *Store) SteerJob(ctx context.Context, job coupon.Job) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET status = @status, canceling = @canceling WHERE id = @id`,
		pgx.StrictNamedArgs{"id": job.ID, "status": job.Status, "canceling": job.Canceling})
	return err
}
