package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// BulkRun is one run of a bulk job. Its epoch fences earlier runs off: they
// find another epoch in the row and stop.
type BulkRun struct {
	ID          uuid.UUID
	BookID      uuid.UUID
	SubmitterID uuid.UUID
	Epoch       int
	Total       int
	Processed   int
	Failed      int
	Params      []byte
}

const runColumns = `id, book_id, submitter_id, epoch, total, processed, failed, params`

// StartBulk begins a run of a job that waits, or whose run has shown no sign
// of life for five seconds. Else it fails with ErrJobNotFound.
func (s *Store) StartBulk(ctx context.Context, id uuid.UUID) (BulkRun, error) {
	return one[BulkRun](ctx, s.db, coupon.ErrJobNotFound, `
		UPDATE jobs
		SET status = 'running', epoch = epoch + 1, heartbeat_at = clock_timestamp(),
		    started_at = coalesce(started_at, clock_timestamp())
		WHERE id = @id AND seq IS NULL
		  AND (status = 'queued' OR status = 'running' AND heartbeat_at < clock_timestamp() - interval '5 seconds')
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
	tag, err := s.db.Exec(ctx, `
		UPDATE jobs
		SET processed = processed + @succeeded + @failed, succeeded = succeeded + @succeeded, failed = failed + @failed,
		    heartbeat_at = clock_timestamp()
		WHERE id = @id AND epoch = @epoch AND status = 'running'`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch, "succeeded": succeeded, "failed": failed})
	if err != nil {
		return err
	}
	return exactly(1)(tag)
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
		SET status = CASE WHEN @code::text IS NOT NULL THEN 'failed' WHEN failed > 0 THEN 'partially_succeeded' ELSE 'succeeded' END,
		    error_code = @code, error_detail = @detail, result = @result, finished_at = clock_timestamp()
		WHERE id = @id AND epoch = @epoch AND status = 'running'
		RETURNING status`,
		pgx.StrictNamedArgs{"id": run.ID, "epoch": run.Epoch, "code": code, "detail": detail, "result": result})
	if err != nil {
		return err
	}
	return s.AddEvent(ctx, Event{Type: coupon.JobEnded[end.Status], BookID: run.BookID, JobID: &run.ID, ActorID: &run.SubmitterID})
}

// NewCoupon is a coupon about to be stored.
type NewCoupon struct {
	ID         uuid.UUID
	Code       string
	Normalised string
	DrawRank   int64
	// MaxRedemptions is how many uses it has.
	MaxRedemptions int
}

// CopyCoupons stores new coupons by COPY: fast, and all or nothing. It fails
// with ErrCodeTaken when one of the codes exists.
func (s *Store) CopyCoupons(ctx context.Context, bookID, batchID uuid.UUID, coupons []NewCoupon) error {
	_, err := s.db.CopyFrom(ctx, pgx.Identifier{"coupons"},
		[]string{"id", "book_id", "batch_id", "code", "normalised", "draw_rank", "max_redemptions"},
		pgx.CopyFromSlice(len(coupons), func(i int) ([]any, error) {
			c := &coupons[i]
			return []any{c.ID, bookID, batchID, c.Code, c.Normalised, c.DrawRank, c.MaxRedemptions}, nil
		}))
	if violates(err, "coupons_normalised_key") {
		return ErrCodeTaken
	}
	return err
}

// ErrCodeTaken is a new code that is in use already, in this book or another.
var ErrCodeTaken = fmt.Errorf("a code exists already")

// AddCoupons stores up to most of the new coupons whose codes are free, and
// returns how many: the slower way for when a COPY met a code that exists.
func (s *Store) AddCoupons(ctx context.Context, bookID, batchID uuid.UUID, coupons []NewCoupon, most int) (int, error) {
	n := len(coupons)
	ids, codes, normalised, ranks := make([]uuid.UUID, n), make([]string, n), make([]string, n), make([]int64, n)
	uses := make([]int32, n)
	for i, c := range coupons {
		ids[i], codes[i], normalised[i], ranks[i], uses[i] = c.ID, c.Code, c.Normalised, c.DrawRank, int32(c.MaxRedemptions)
	}
	tag, err := s.db.Exec(ctx, `
		WITH made AS (
			SELECT DISTINCT ON (normalised) *
			FROM unnest(@ids::uuid[], @codes::text[], @normalised::text[], @ranks::bigint[], @uses::int[])
			     AS made (id, code, normalised, draw_rank, uses)),
		free AS (
			SELECT * FROM made WHERE NOT EXISTS (SELECT FROM coupons c WHERE c.normalised = made.normalised)
			ORDER BY draw_rank LIMIT @most)
		INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, max_redemptions)
		SELECT id, @book_id, @batch_id, code, normalised, draw_rank, uses FROM free
		ORDER BY normalised
		ON CONFLICT ON CONSTRAINT coupons_normalised_key DO NOTHING`,
		pgx.StrictNamedArgs{
			"book_id": bookID, "batch_id": batchID, "ids": ids, "codes": codes, "normalised": normalised, "ranks": ranks,
			"uses": uses, "most": most,
		})
	return int(tag.RowsAffected()), err
}

// AddCoupon stores a single coupon, or fails with ErrCodeExists.
func (s *Store) AddCoupon(ctx context.Context, book coupon.Book, batchID uuid.UUID, row ImportRow) error {
	tag, err := s.db.Exec(ctx, `
		INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, max_redemptions, metadata, starts_at, ends_at, expires_at)
		VALUES (@id, @book_id, @batch_id, @code, @normalised, @rank, coalesce(@uses::int, @usual), @metadata, @starts_at, @ends_at, @ends_at)
		ON CONFLICT ON CONSTRAINT coupons_normalised_key DO NOTHING`,
		pgx.StrictNamedArgs{
			"id": row.CouponID, "book_id": book.ID, "batch_id": batchID, "code": row.Code, "normalised": row.Normalised,
			"rank": row.DrawRank, "uses": row.MaxRedemptions, "usual": book.MaxRedemptions, "metadata": row.Metadata,
			"starts_at": row.StartsAt, "ends_at": row.ExpiresAt,
		})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrCodeExists
	}
	return err
}

// unexpire makes the sweeper look again at a book that may have ended: it has
// coupons that are not yet expired.
const unexpire = `UPDATE books SET expired_at = NULL WHERE id = $1 AND expired_at IS NOT NULL`

// AddStock counts new coupons of a batch, of which some are free. It comes last
// in its transaction: nobody can take them before commit, and claims wait only
// this long for the row.
func (s *Store) AddStock(ctx context.Context, bookID, batchID uuid.UUID, total, free int) error {
	batch := &pgx.Batch{}
	batch.Queue(unexpire, bookID)
	batch.Queue(`UPDATE code_batches SET codes = codes + $2 WHERE id = $1`, batchID, total)
	batch.Queue(`UPDATE book_stock SET total = total + $2, free = free + $3 WHERE book_id = $1`, bookID, total, free)
	return s.db.SendBatch(ctx, batch).Close()
}
