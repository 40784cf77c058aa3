package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// OpenStock tells what the open books of an owner have left, the scarcest first;
// without one, of everybody.
func (s *Store) OpenStock(ctx context.Context, owner *uuid.UUID, limit int) ([]coupon.BookStock, error) {
	n := narrowed{
		`b.status = 'active' AND b.archived_at IS NULL AND (b.ends_at IS NULL OR b.ends_at > clock_timestamp())`,
		pgx.StrictNamedArgs{"limit": limit},
	}
	n.by(owner != nil, `b.owner_id = @owner_id`, "owner_id", owner)
	return all[coupon.BookStock](ctx, s.db, `
		SELECT b.id AS book_id, b.name, s.total, s.free, b.ends_at,
		       b.low_stock_percent > 0 AND s.free * 100 <= s.total * b.low_stock_percent AS low,
		       coalesce(b.ending_soon > '0' AND b.ends_at - b.ending_soon <= clock_timestamp(), false) AS ending_soon
		FROM books b JOIN book_stock s ON s.book_id = b.id
		WHERE `+n.where+` ORDER BY s.free::float8 / greatest(s.total, 1), b.id LIMIT @limit`, n.args)
}
