package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const couponColumns = `id, book_id, batch_id, code, state, user_id, assigned_at, starts_at, ends_at, expires_at, metadata, max_redemptions,
	redemptions, disabled_at, event_seq, lock_id, locked_by, locked_at, locked_until, lock_order_ref`

// CouponRef names a coupon by its id or by its code, in all the ways to read
// it; the first of them that exists counts.
type CouponRef struct {
	ID    *uuid.UUID
	Codes []string // normalised
}

func (r CouponRef) where() string {
	if r.ID != nil {
		return `id = @id AND @codes::text[] IS NULL`
	}
	return `@id::uuid IS NULL AND id = (
		SELECT id FROM coupons WHERE normalised = ANY(@codes) ORDER BY array_position(@codes, normalised) LIMIT 1)`
}

func (r CouponRef) args() pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"id": r.ID, "codes": r.Codes}
}

// ReadTill reads a coupon at the till without holding it, or fails with
// ErrCouponNotFound.
func (s *Store) ReadTill(ctx context.Context, ref CouponRef) (coupon.Till, error) {
	return s.till(ctx, ref, ``)
}

// HoldTill holds a coupon, and its holder's counters, until the end of the
// transaction.
func (s *Store) HoldTill(ctx context.Context, ref CouponRef) (coupon.Till, error) {
	return s.till(ctx, ref, ` FOR UPDATE`)
}

// HoldTillAndStock is HoldTill for what changes the book's stock: whoever does
// that holds the stock first.
func (s *Store) HoldTillAndStock(ctx context.Context, ref CouponRef) (coupon.Till, error) {
	_, err := s.db.Exec(ctx, `
		SELECT FROM book_stock WHERE book_id = (SELECT book_id FROM coupons WHERE `+ref.where()+`) FOR UPDATE`, ref.args())
	if err != nil {
		return coupon.Till{}, err
	}
	return s.HoldTill(ctx, ref)
}

func (s *Store) till(ctx context.Context, ref CouponRef, hold string) (till coupon.Till, err error) {
	till.Coupon, err = one[coupon.Coupon](ctx, s.db, coupon.ErrCouponNotFound,
		`SELECT `+couponColumns+` FROM coupons WHERE `+ref.where()+hold, ref.args())
	if err != nil {
		return till, err
	}
	// The clock is read after the wait for the coupon: a lock may have run out meanwhile.
	batch := &pgx.Batch{}
	batch.Queue(`SELECT redeemed FROM book_user_limits WHERE book_id = $1 AND user_id = $2`+hold, till.Coupon.BookID, till.Coupon.UserID).
		QueryRow(func(row pgx.Row) error {
			if err := row.Scan(&till.UserUses); !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			return nil
		})
	batch.Queue(`SELECT `+bookColumns+`, clock_timestamp() AS now FROM books WHERE id = $1`, till.Coupon.BookID).
		Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[BookNow])
			till.Book, till.Now = found.Book, found.Now
			return err
		})
	return till, s.db.SendBatch(ctx, batch).Close()
}

// Change is what a use case at the till writes: the coupon before and after,
// and who did it.
type Change struct {
	Before, After coupon.Till
	ActorID       *uuid.UUID         // nil: the clock
	Redemption    *coupon.Redemption // made, or taken back by this row
	DrawRank      int64              // of a coupon that goes back into the stock
}

// SaveTill writes the coupon, its events and what else the change touches.
// Hold it first; with its stock where it leaves or comes to UNASSIGNED.
func (s *Store) SaveTill(ctx context.Context, c Change) error {
	was, is := c.Before.Coupon, c.After.Coupon
	if len(c.After.Steps) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE coupons
		SET state = $3, user_id = $4, assigned_at = $5, expires_at = $6, redemptions = $7, event_seq = $8, lock_id = $9,
		    locked_by = $10, locked_at = $11, locked_until = $12, lock_order_ref = $13, disabled_at = $15,
		    job_id = CASE WHEN $3 = 'UNASSIGNED' THEN NULL ELSE job_id END,
		    draw_rank = CASE WHEN $3 = 'UNASSIGNED' THEN $14 ELSE draw_rank END
		WHERE id = $1 AND event_seq = $2`,
		is.ID, was.EventSeq, is.State, is.UserID, is.AssignedAt, is.ExpiresAt, is.Redemptions, is.EventSeq, is.LockID,
		is.LockedBy, is.LockedAt, is.LockedUntil, is.LockOrderRef, c.DrawRank, is.DisabledAt).Exec(exactly(1))
	if err := c.tell(batch); err != nil {
		return err
	}
	if r := c.Redemption; r != nil {
		batch.Queue(`
			INSERT INTO redemptions (id, coupon_id, book_id, user_id, actor_id, order_ref, metadata, reason, rolls_back, redeemed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			r.ID, r.CouponID, r.BookID, r.UserID, r.ActorID, r.OrderRef, r.Metadata, r.Reason, r.RollsBack, r.RedeemedAt)
		if r.RollsBack != nil {
			batch.Queue(unexpire, r.BookID)
		}
	}
	used := 0
	if is.State == coupon.Unassigned && was.State != coupon.Unassigned { // revoked
		used = -1
	}
	if redeemed := is.Redemptions - was.Redemptions; used != 0 || redeemed != 0 {
		batch.Queue(`
			UPDATE book_user_limits SET used = used + $3, redeemed = redeemed + $4 WHERE book_id = $1 AND user_id = $2`,
			was.BookID, was.UserID, used, redeemed).Exec(exactly(1))
	}
	if free, disabled := stocked(was, is, false), stocked(was, is, true); free != 0 || disabled != 0 {
		batch.Queue(`UPDATE book_stock SET free = free + $2, disabled = disabled + $3 WHERE book_id = $1`,
			was.BookID, free, disabled).Exec(exactly(1))
	}
	c.countStats(batch)
	return s.db.SendBatch(ctx, batch).Close()
}

// stocked is by how much a change adds to the coupons that nobody has, among
// the disabled ones or among the others.
func stocked(was, is coupon.Coupon, disabled bool) (n int) {
	counts := func(c coupon.Coupon) bool { return c.State == coupon.Unassigned && (c.DisabledAt != nil) == disabled }
	if counts(is) {
		n++
	}
	if counts(was) {
		n--
	}
	return n
}

// tell writes an event for each step, numbered on from the coupon's last.
func (c Change) tell(batch *pgx.Batch) error {
	holder := c.Before.Coupon.UserID
	for i, step := range c.After.Steps {
		details := stepData(step)
		if r := c.Redemption; r != nil && i == len(c.After.Steps)-1 {
			details["redemption_id"] = r.ID
			if r.RollsBack != nil {
				details["redemption_id"] = *r.RollsBack
			}
		}
		data, err := json.Marshal(details)
		if err != nil {
			return err
		}
		batch.Queue(`
			INSERT INTO events (type, book_id, coupon_id, coupon_seq, user_id, actor_id, data, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			step.Type, c.Before.Coupon.BookID, c.Before.Coupon.ID, c.Before.Coupon.EventSeq+1+i, holder, c.ActorID, data, c.After.Now)
	}
	return nil
}

// stepData is what the event of a step tells.
func stepData(step coupon.Step) map[string]any {
	data := map[string]any{"from": step.From, "to": step.To}
	if step.Reason != "" {
		data["reason"] = step.Reason
	}
	return data
}
