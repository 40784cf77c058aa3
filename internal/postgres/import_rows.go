package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// ImportRow is a row of an upload with what its coupon will be.
type ImportRow struct {
	coupon.UploadRow
	CouponID uuid.UUID
	DrawRank int64
}

// CopyImportRows stores the next rows of an upload, after the first n.
func (s *Store) CopyImportRows(ctx context.Context, jobID uuid.UUID, after int, rows []ImportRow) error {
	_, err := s.db.CopyFrom(ctx, pgx.Identifier{"import_rows"},
		[]string{
			"job_id", "n", "line", "coupon_id", "draw_rank", "code", "normalised", "max_redemptions", "starts_at", "expires_at", "metadata",
			"user_id", "email", "external_id", "reason", "detail",
		},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			var user coupon.UserRef
			if r.User != nil {
				user = *r.User
			}
			return []any{
				jobID, after + i + 1, r.Line, r.CouponID, r.DrawRank, r.Code, r.Normalised, r.MaxRedemptions, r.StartsAt, r.ExpiresAt, r.Metadata,
				user.ID, orNull(user.Email), orNull(user.ExternalID), orNull(string(r.Reason)), orNull(r.Detail),
			}, nil
		}))
	return err
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// DropImportRows forgets up to limit rows of an upload, and returns how many.
func (s *Store) DropImportRows(ctx context.Context, jobID uuid.UUID, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		DELETE FROM import_rows
		WHERE job_id = @job_id AND n < (SELECT min(n) FROM import_rows WHERE job_id = @job_id) + @limit`,
		pgx.StrictNamedArgs{"job_id": jobID, "limit": limit})
	return int(tag.RowsAffected()), err
}

// OldImports returns uploads whose rows nobody needs any more: their job has
// ended, or there is none after as long as an upload can take.
func (s *Store) OldImports(ctx context.Context, longest time.Duration) ([]uuid.UUID, error) {
	// From upload to upload along the primary key: the cost is their number.
	// An id of version 7 tells when it was made.
	rows, _ := s.db.Query(ctx, `
		WITH RECURSIVE upload AS (
			(SELECT job_id FROM import_rows ORDER BY job_id LIMIT 1)
			UNION ALL
			SELECT (SELECT r.job_id FROM import_rows r WHERE r.job_id > upload.job_id ORDER BY r.job_id LIMIT 1)
			FROM upload WHERE upload.job_id IS NOT NULL)
		SELECT u.job_id FROM upload u LEFT JOIN jobs j ON j.id = u.job_id
		WHERE u.job_id IS NOT NULL AND CASE WHEN j.id IS NULL THEN u.job_id < @before ELSE j.finished_at IS NOT NULL END`,
		pgx.StrictNamedArgs{"before": firstIDOf(time.Now().Add(-longest))})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// firstIDOf is the lowest UUID of version 7 that an instant can have.
func firstIDOf(at time.Time) (id uuid.UUID) {
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
