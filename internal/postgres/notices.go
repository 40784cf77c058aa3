package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// TellLowStock tells of active books whose stock has come to be low, once until
// it is not, and returns how many.
func (s *Store) TellLowStock(ctx context.Context) (int, error) {
	tag, err := s.db.Exec(ctx, `
		WITH moved AS (
			SELECT b.id, s.free, s.total, is_low
			FROM books b JOIN book_stock s ON s.book_id = b.id
			CROSS JOIN LATERAL (SELECT s.free * 100 <= s.total * b.low_stock_percent AS is_low) stock
			WHERE b.status = 'active' AND b.low_stock_percent > 0 AND s.total > 0
			  AND (b.ends_at IS NULL OR b.ends_at > clock_timestamp()) AND is_low <> (b.low_stock_told_at IS NOT NULL)
			FOR NO KEY UPDATE OF b SKIP LOCKED),
		noted AS (
			UPDATE books SET low_stock_told_at = CASE WHEN is_low THEN clock_timestamp() END FROM moved WHERE books.id = moved.id)
		INSERT INTO events (type, book_id, data, created_at)
		SELECT @type, id, jsonb_build_object('free', free, 'total', total), clock_timestamp() FROM moved WHERE is_low`,
		pgx.StrictNamedArgs{"type": coupon.BookLowStock})
	return int(tag.RowsAffected()), err
}

// TellEndingSoon tells once of active books that end soon, and returns how many.
func (s *Store) TellEndingSoon(ctx context.Context) (int, error) {
	tag, err := s.db.Exec(ctx, `
		WITH ending AS (
			SELECT id, ends_at FROM books
			WHERE status = 'active' AND ending_soon > '0' AND ending_soon_told_at IS NULL
			  AND ends_at > clock_timestamp() AND ends_at - ending_soon <= clock_timestamp()
			FOR NO KEY UPDATE SKIP LOCKED),
		noted AS (UPDATE books SET ending_soon_told_at = clock_timestamp() FROM ending WHERE books.id = ending.id)
		INSERT INTO events (type, book_id, data, created_at)
		SELECT @type, id, jsonb_build_object('ends_at', ends_at), clock_timestamp() FROM ending`,
		pgx.StrictNamedArgs{"type": coupon.BookEndingSoon})
	return int(tag.RowsAffected()), err
}
