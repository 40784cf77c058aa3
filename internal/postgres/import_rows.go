package postgres

import (
	"context"

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
