package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const redemptionSelect = `
	SELECT r.id, r.coupon_id, r.book_id, r.user_id, r.actor_id, r.order_ref, r.metadata, r.reason, r.rolls_back, r.redeemed_at,
	       EXISTS (SELECT FROM redemptions back WHERE back.rolls_back = r.id) AS rolled_back
	FROM redemptions r `

// Redemption returns a use of a coupon, or ErrRedemptionNotFound; never the
// row that takes one back.
func (s *Store) Redemption(ctx context.Context, id uuid.UUID) (coupon.Redemption, error) {
	return one[coupon.Redemption](ctx, s.db, coupon.ErrRedemptionNotFound,
		redemptionSelect+`WHERE r.id = @id AND r.rolls_back IS NULL`, pgx.StrictNamedArgs{"id": id})
}

// RedemptionOfOrder returns the use that an order made of a coupon, or
// ErrRedemptionNotFound.
func (s *Store) RedemptionOfOrder(ctx context.Context, couponID uuid.UUID, orderRef string) (coupon.Redemption, error) {
	return one[coupon.Redemption](ctx, s.db, coupon.ErrRedemptionNotFound,
		redemptionSelect+`WHERE r.coupon_id = @coupon_id AND r.order_ref = @order_ref AND r.rolls_back IS NULL`,
		pgx.StrictNamedArgs{"coupon_id": couponID, "order_ref": orderRef})
}
