package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// saleSelect reads books as those see them who may claim from them.
const saleSelect = `
	SELECT b.id, b.name, b.description, b.status, b.starts_at, b.ends_at, b.max_assignments_per_user, b.benefit,
	       s.free <= s.reserved AS sold_out, coalesce(l.used, 0) AS held, clock_timestamp() AS now
	FROM books b JOIN book_stock s ON s.book_id = b.id
	LEFT JOIN book_user_limits l ON l.book_id = b.id AND l.user_id = @user_id `

// Sale returns a book as one of its users sees it, whatever its status, or
// ErrBookNotFound for a draft.
func (s *Store) Sale(ctx context.Context, id, userID uuid.UUID) (coupon.Sale, error) {
	return one[coupon.Sale](ctx, s.db, coupon.ErrBookNotFound,
		saleSelect+`WHERE b.id = @id AND b.status <> 'draft'`, pgx.StrictNamedArgs{"id": id, "user_id": userID})
}

// Sales lists open and coming sales: the open ones first, then by start.
func (s *Store) Sales(ctx context.Context, userID uuid.UUID, after coupon.SalePlace, limit int) ([]coupon.Sale, error) {
	return all[coupon.Sale](ctx, s.db, saleSelect+`
		WHERE b.status = 'active' AND (b.ends_at IS NULL OR b.ends_at > clock_timestamp())
		  AND (@after_id::uuid IS NULL
		       OR (coalesce(b.starts_at, '-infinity'), b.id) > (coalesce(@after_start::timestamptz, '-infinity'), @after_id))
		ORDER BY coalesce(b.starts_at, '-infinity'), b.id LIMIT @limit`,
		pgx.StrictNamedArgs{"user_id": userID, "after_id": after.ID, "after_start": after.StartsAt, "limit": limit})
}
