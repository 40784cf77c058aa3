package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// CouponsOf lists a user's coupons, the newest first, from the last one of the
// page before on.
func (s *Store) CouponsOf(ctx context.Context, userID uuid.UUID, beforeTime *time.Time, beforeID *uuid.UUID, limit int) ([]coupon.HeldCoupon, error) {
	return all[coupon.HeldCoupon](ctx, s.db, `
		SELECT c.id, c.book_id, b.name AS book_name, c.code, c.state, c.assigned_at, b.ends_at AS expires_at
		FROM coupons c JOIN books b ON b.id = c.book_id
		WHERE c.user_id = @user_id
		  AND (@before_time::timestamptz IS NULL OR (c.assigned_at, c.id) < (@before_time, @before_id::uuid))
		ORDER BY c.assigned_at DESC, c.id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"user_id": userID, "before_time": beforeTime, "before_id": beforeID, "limit": limit})
}
