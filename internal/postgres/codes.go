package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

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
