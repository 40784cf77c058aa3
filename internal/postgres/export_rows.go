package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// CopyExport copies the coupons of a book that a filter lets through, as they
// are at this instant, and returns how many.
func (s *Store) CopyExport(ctx context.Context, run BulkRun, f coupon.StockFilter) (int, error) {
	if _, err := s.db.Exec(ctx, `SET LOCAL statement_timeout = '10min'`); err != nil {
		return 0, err
	}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO export_rows (job_id, n, code, state, batch_id, user_id, holder, assigned_at, starts_at, expires_at,
		                         max_redemptions, redemptions, disabled_at, metadata)
		SELECT @job_id, row_number() OVER (ORDER BY c.normalised), c.code, at_present.state, c.batch_id, c.user_id,
		       coalesce(u.email, u.external_id), c.assigned_at, c.starts_at, least(c.expires_at, b.ends_at),
		       c.max_redemptions, c.redemptions, c.disabled_at, c.metadata
		FROM books b JOIN coupons c ON c.book_id = b.id
		CROSS JOIN LATERAL (SELECT `+stateNow+` AS state) at_present LEFT JOIN users u ON u.id = c.user_id
		WHERE b.id = @book_id AND c.normalised >= @from AND c.normalised < @until
		  AND (@batch_id::uuid IS NULL OR c.batch_id = @batch_id) AND (@state::text IS NULL OR at_present.state = @state)`,
		pgx.StrictNamedArgs{
			"job_id": run.ID, "book_id": run.BookID, "state": f.State, "batch_id": f.BatchID,
			"from": f.Prefix, "until": f.Prefix + "\U0010FFFF",
		})
	return int(tag.RowsAffected()), err
}

// SetTotal says how many items a run has, once that is known.
func (s *Store) SetTotal(ctx context.Context, run BulkRun, total int) error {
	_, err := s.db.Exec(ctx, `UPDATE jobs SET total = @total WHERE id = @id`, pgx.StrictNamedArgs{"id": run.ID, "total": total})
	return err
}

// ExportPage returns the next rows of an export, after the first n.
func (s *Store) ExportPage(ctx context.Context, jobID uuid.UUID, after, limit int) ([]coupon.ExportRow, error) {
	return all[coupon.ExportRow](ctx, s.db, `
		SELECT n, code, state, batch_id, user_id, holder, assigned_at, starts_at, expires_at, max_redemptions, redemptions,
		       disabled_at, metadata
		FROM export_rows WHERE job_id = @job_id AND n > @after ORDER BY n LIMIT @limit`,
		pgx.StrictNamedArgs{"job_id": jobID, "after": after, "limit": limit})
}
