package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const batchColumns = `t.id, t.book_id, t.job_id, t.kind, t.pattern, t.file_name, t.codes, t.voided_at, t.created_at`

// NewBatch is a batch about to be made.
type NewBatch struct {
	Kind     coupon.BatchKind
	Pattern  *string // of generated codes
	FileName *string // of uploaded ones, if it was told
}

type batchID struct{ ID uuid.UUID }

// AddBatch makes the batch of a job, once: a second call finds the first's.
func (s *Store) AddBatch(ctx context.Context, run BulkRun, in NewBatch) (uuid.UUID, error) {
	b, err := one[batchID](ctx, s.db, nil, `
		INSERT INTO code_batches (id, book_id, job_id, kind, pattern, file_name)
		VALUES (@id, @book_id, @job_id, @kind, @pattern, @file_name)
		ON CONFLICT ON CONSTRAINT code_batches_job_id_key DO UPDATE SET kind = excluded.kind
		RETURNING id`,
		pgx.StrictNamedArgs{
			"id": uuid.Must(uuid.NewV7()), "book_id": run.BookID, "job_id": run.ID, "kind": in.Kind, "pattern": in.Pattern,
			"file_name": in.FileName,
		})
	return b.ID, err
}

// AddedBatch finds or makes the batch of the codes that are added to a book one
// by one.
func (s *Store) AddedBatch(ctx context.Context, bookID uuid.UUID) (uuid.UUID, error) {
	b, err := one[batchID](ctx, s.db, nil, `
		INSERT INTO code_batches (id, book_id, kind) VALUES (@id, @book_id, 'added')
		ON CONFLICT (book_id) WHERE kind = 'added' AND voided_at IS NULL DO UPDATE SET kind = excluded.kind
		RETURNING id`, pgx.StrictNamedArgs{"id": uuid.Must(uuid.NewV7()), "book_id": bookID})
	return b.ID, err
}

// Batches lists the batches of a book that have codes, newest first.
func (s *Store) Batches(ctx context.Context, bookID uuid.UUID, before *uuid.UUID, limit int) ([]coupon.Batch, error) {
	return all[coupon.Batch](ctx, s.db, `
		SELECT `+batchColumns+` FROM code_batches t
		WHERE t.book_id = @book_id AND t.codes > 0 AND (@before::uuid IS NULL OR t.id < @before)
		ORDER BY t.id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"book_id": bookID, "before": before, "limit": limit})
}

// Batch returns a batch that is complete, or fails with ErrBatchNotFound or, as
// long as its job adds codes, with ErrBatchGrows.
func (s *Store) Batch(ctx context.Context, bookID, id uuid.UUID) (coupon.Batch, error) {
	type found struct {
		coupon.Batch
		Grows bool
	}
	b, err := one[found](ctx, s.db, coupon.ErrBatchNotFound, `
		SELECT `+batchColumns+`, j.id IS NOT NULL AND j.finished_at IS NULL AS grows
		FROM code_batches t LEFT JOIN jobs j ON j.id = t.job_id
		WHERE t.id = @id AND t.book_id = @book_id AND t.codes > 0`, pgx.StrictNamedArgs{"id": id, "book_id": bookID})
	if err == nil && b.Grows {
		err = coupon.ErrBatchGrows
	}
	return b.Batch, err
}

// CloseBatch marks a batch as voided: it takes no more codes. The run's total
// is their number.
func (s *Store) CloseBatch(ctx context.Context, run BulkRun, id uuid.UUID) (BulkRun, error) {
	return one[BulkRun](ctx, s.db, coupon.ErrJobNotFound, `
		WITH batch AS (
			UPDATE code_batches SET voided_at = coalesce(voided_at, clock_timestamp()) WHERE id = @batch_id RETURNING codes)
		UPDATE jobs SET total = codes FROM batch WHERE id = @id
		RETURNING `+runColumns, pgx.StrictNamedArgs{"id": run.ID, "batch_id": id})
}

// VoidBatch voids up to limit coupons of a batch for a reason, and returns how
// many. Hold the book's stock first.
func (s *Store) VoidBatch(ctx context.Context, run BulkRun, id uuid.UUID, reason string, limit int) (int, error) {
	return s.endInStock(ctx, run.BookID, `
		SELECT c.id, c.state FROM coupons c JOIN books b ON b.id = c.book_id
		WHERE c.batch_id = @batch_id AND c.state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED') AND `+stateNow+` <> 'EXPIRED'
		LIMIT @limit FOR UPDATE OF c`,
		pgx.StrictNamedArgs{
			"batch_id": id, "limit": limit, "to": coupon.Void, "type": coupon.CouponVoided, "actor": run.SubmitterID, "reason": reason,
		})
}

// LeftOfBatch writes the coupons of a batch that are not void into the job's
// outcomes, and returns how many there are.
func (s *Store) LeftOfBatch(ctx context.Context, run BulkRun, id uuid.UUID) (int, error) {
	tag, err := s.db.Exec(ctx, `
		INSERT INTO job_outcomes (job_id, n, status, code, reason, detail)
		SELECT @job_id, row_number() OVER (ORDER BY c.normalised), 'left', c.code,
		       CASE at_present.state WHEN 'REDEEMED' THEN @redeemed WHEN 'EXPIRED' THEN @expired ELSE @back END,
		       CASE at_present.state WHEN 'REDEEMED' THEN 'has been redeemed' WHEN 'EXPIRED' THEN 'has expired'
		                             ELSE 'came back by a rollback meanwhile: void it by itself' END
		FROM coupons c JOIN books b ON b.id = c.book_id CROSS JOIN LATERAL (SELECT `+stateNow+` AS state) at_present
		WHERE c.batch_id = @batch_id AND c.state <> 'VOID'`,
		pgx.StrictNamedArgs{
			"job_id": run.ID, "batch_id": id, "redeemed": coupon.LeftRedeemed, "expired": coupon.LeftExpired, "back": coupon.LeftRolledBack,
		})
	return int(tag.RowsAffected()), err
}
