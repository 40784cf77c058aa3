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

// Uses lists the uses of a book's coupons and the tries that were refused, the
// newest first: ids are in the order of time.
func (s *Store) Uses(ctx context.Context, bookID uuid.UUID, f coupon.UseFilter, limit int) ([]coupon.Use, error) {
	return all[coupon.Use](ctx, s.db, `
		SELECT u.*, c.code
		FROM (
			(SELECT r.id, CASE WHEN back.id IS NULL THEN 'redeemed' ELSE 'rolled_back' END AS outcome, r.coupon_id,
			        r.user_id, r.actor_id, r.order_ref, r.metadata, NULL AS action, back.reason, r.redeemed_at AS at,
			        back.redeemed_at AS rolled_back_at
			 FROM redemptions r LEFT JOIN redemptions back ON back.rolls_back = r.id
			 WHERE r.book_id = @book_id AND r.rolls_back IS NULL AND (@before::uuid IS NULL OR r.id < @before)
			   AND (@outcome::text IS NULL OR @outcome = CASE WHEN back.id IS NULL THEN 'redeemed' ELSE 'rolled_back' END)
			 ORDER BY r.id DESC LIMIT @limit)
			UNION ALL
			(SELECT id, 'refused', coupon_id, user_id, actor_id, order_ref, NULL, action, code, created_at, NULL
			 FROM refusals
			 WHERE book_id = @book_id AND (@before::uuid IS NULL OR id < @before)
			   AND (@outcome::text IS NULL OR @outcome = 'refused')
			 ORDER BY id DESC LIMIT @limit)) AS u
		JOIN coupons c ON c.id = u.coupon_id
		ORDER BY u.id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"book_id": bookID, "outcome": f.Outcome, "before": f.Before, "limit": limit})
}

// Refusal is a try at the till that was refused.
type Refusal struct {
	Coupon   coupon.Coupon
	ActorID  uuid.UUID
	Action   string // lock or redeem
	Code     string // why
	OrderRef string // empty: none
}

// AddRefusal records a refused try, apart from the coupon, which is as it was.
func (s *Store) AddRefusal(ctx context.Context, r Refusal) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO refusals (id, book_id, coupon_id, user_id, actor_id, action, code, order_ref)
		VALUES (@id, @book_id, @coupon_id, @user_id, @actor_id, @action, @code, nullif(@order_ref, ''))`,
		pgx.StrictNamedArgs{
			"id": uuid.Must(uuid.NewV7()), "book_id": r.Coupon.BookID, "coupon_id": r.Coupon.ID, "user_id": r.Coupon.UserID,
			"actor_id": r.ActorID, "action": r.Action, "code": r.Code, "order_ref": r.OrderRef,
		})
	return err
}

// RedemptionOfOrder returns the use that an order made of a coupon, or
// ErrRedemptionNotFound.
func (s *Store) RedemptionOfOrder(ctx context.Context, couponID uuid.UUID, orderRef string) (coupon.Redemption, error) {
	return one[coupon.Redemption](ctx, s.db, coupon.ErrRedemptionNotFound,
		redemptionSelect+`WHERE r.coupon_id = @coupon_id AND r.order_ref = @order_ref AND r.rolls_back IS NULL`,
		pgx.StrictNamedArgs{"coupon_id": couponID, "order_ref": orderRef})
}
