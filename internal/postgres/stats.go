package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// statShards is over how many rows a book's statistics are spread.
const statShards = 16

// BookStats counts without reading the coupons. Those that are held and not
// locked are what is left, so that the hot path has no counter to write.
func (s *Store) BookStats(ctx context.Context, id uuid.UUID) (coupon.BookStats, error) {
	return one[coupon.BookStats](ctx, s.db, coupon.ErrBookNotFound, `
		WITH became AS (
			SELECT coalesce(sum(locked), 0)::bigint AS locked, coalesce(sum(redeemed), 0)::bigint AS redeemed,
			       coalesce(sum(expired), 0)::bigint AS expired, coalesce(sum(void), 0)::bigint AS void,
			       coalesce(sum(redemptions), 0)::bigint AS redemptions, coalesce(sum(rollbacks), 0)::bigint AS rollbacks
			FROM book_stats WHERE book_id = @id)
		SELECT total, free, disabled, reserved, total - free - disabled - locked - redeemed - expired - void AS assigned,
		       locked, redeemed, expired, void, redemptions, rollbacks, refused,
		       (SELECT count(*) FROM jobs WHERE book_id = @id AND seq IS NOT NULL AND status = 'queued') AS queued
		FROM book_stock, became WHERE book_id = @id`, pgx.StrictNamedArgs{"id": id})
}

// addStats is one upsert of what changed in a book; all shards of a book are
// only ever touched one at a time, or in their order.
const addStats = `
	ON CONFLICT (book_id, shard) DO UPDATE
	SET locked = s.locked + excluded.locked, redeemed = s.redeemed + excluded.redeemed,
	    expired = s.expired + excluded.expired, void = s.void + excluded.void,
	    redemptions = s.redemptions + excluded.redemptions, rollbacks = s.rollbacks + excluded.rollbacks`

// countStats adds what a change at the till does to the book's statistics.
func (c Change) countStats(batch *pgx.Batch) {
	was, is := c.Before.Coupon, c.After.Coupon
	into := func(state coupon.State) (n int) {
		if is.State == state {
			n++
		}
		if was.State == state {
			n--
		}
		return n
	}
	made, back := 0, 0
	if c.Redemption != nil && c.Redemption.RollsBack == nil {
		made = 1
	} else if c.Redemption != nil {
		back = 1
	}
	deltas := []any{into(coupon.Locked), into(coupon.Redeemed), into(coupon.Expired), into(coupon.Void), made, back}
	for _, delta := range deltas {
		if delta != 0 {
			batch.Queue(`
				INSERT INTO book_stats AS s (book_id, shard, locked, redeemed, expired, void, redemptions, rollbacks)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`+addStats,
				append([]any{is.BookID, int(is.ID[15]) % statShards}, deltas...)...)
			return
		}
	}
}
