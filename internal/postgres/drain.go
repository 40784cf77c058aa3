package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Group is the head of a book's queue, locked together with the book's stock.
type Group struct {
	Book     coupon.Book
	Free     int      // of the coupons, nobody has
	Reserved int      // of the free ones, promised to a distribution
	Rate     *float64 // claims a second that the queue moves on; nil: not known
	Now      time.Time
	Claims   []coupon.Claim // in order of acceptance
}

// BookNow is a book and the database's clock.
type BookNow struct {
	coupon.Book
	Now time.Time
}

// byKeys has the statements of a group find rows by keys, one by one, and nothing
// else. Then one plan serves for good: to plan each of them each time took longer
// than to run it for a few claims. A plan that is chosen by statistics may not be
// kept: those are from when the queue was empty, or the book was not sold out.
const byKeys = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('jit', 'off', true)`

// OpenGroup locks the book's stock, and then up to limit of its waiting claims
// from seq after on. Claims that another transaction holds are passed over.
// Whoever takes or gives back stock locks book_stock first: with it three
// drainers at once are exact; SKIP LOCKED alone refused people while coupons
// were left.
func (s *Store) OpenGroup(ctx context.Context, bookID uuid.UUID, after int64, limit int) (Group, error) {
	var group Group
	batch := &pgx.Batch{}
	batch.Queue(byKeys)
	batch.Queue(`SELECT free, reserved, drain_rate FROM book_stock WHERE book_id = $1 FOR UPDATE`, bookID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&group.Free, &group.Reserved, &group.Rate) })
	// The clock is read after the wait for the lock; now() would be from before.
	batch.Queue(`SELECT `+bookColumns+`, clock_timestamp() AS now FROM books WHERE id = $1`, bookID).
		Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[BookNow])
			group.Book, group.Now = found.Book, found.Now
			return err
		})
	batch.Queue(`
		SELECT id AS job_id, coalesce(user_id, id) AS user_id, submitter_id, seq, total AS count, coupon_id, kind = 'claim_batch' AS batch,
		       0 AS item, created_at
		FROM jobs
		WHERE book_id = $1 AND status = 'queued' AND seq > $2
		ORDER BY seq LIMIT $3
		FOR UPDATE SKIP LOCKED`, bookID, after, limit).
		Query(func(rows pgx.Rows) (err error) {
			group.Claims, err = pgx.CollectRows(rows, pgx.RowToStructByName[coupon.Claim])
			return err
		})
	err := s.db.SendBatch(ctx, batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		err = coupon.ErrBookNotFound
	}
	return group, err
}

// ClaimItems returns the items of a batch as claims, in their order.
func (s *Store) ClaimItems(ctx context.Context, batch coupon.Claim) ([]coupon.Claim, error) {
	return all[coupon.Claim](ctx, s.db, `
		SELECT @job_id::uuid AS job_id, user_id, @submitter_id::uuid AS submitter_id, @seq::bigint AS seq, count,
		       NULL::uuid AS coupon_id, true AS batch, n AS item, @created_at::timestamptz AS created_at
		FROM claim_items WHERE job_id = @job_id ORDER BY n`,
		pgx.StrictNamedArgs{"job_id": batch.JobID, "submitter_id": batch.SubmitterID, "seq": batch.Seq, "created_at": batch.CreatedAt})
}

// Used returns how many coupons of the book the users have.
func (s *Store) Used(ctx context.Context, bookID uuid.UUID, users []uuid.UUID) (map[uuid.UUID]int, error) {
	type counter struct {
		UserID uuid.UUID
		Used   int
	}
	counters, err := all[counter](ctx, s.db, `
		SELECT user_id, used FROM book_user_limits WHERE book_id = @book_id AND user_id = ANY(@users)`,
		pgx.StrictNamedArgs{"book_id": bookID, "users": users})
	used := make(map[uuid.UUID]int, len(counters))
	for _, c := range counters {
		used[c.UserID] = c.Used
	}
	return used, err
}

// FreeCoupon is a coupon that nobody has, locked for whoever took it.
type FreeCoupon struct {
	ID       uuid.UUID
	DrawRank int64
	EventSeq int
}

// ChosenCoupon is one that a claim names, locked.
type ChosenCoupon struct {
	FreeCoupon
	State    coupon.State // at present
	Disabled bool
}

// HoldChosen locks the coupons that claims name, in the order of their ids.
func (s *Store) HoldChosen(ctx context.Context, bookID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]ChosenCoupon, error) {
	held, err := all[ChosenCoupon](ctx, s.db, `
		SELECT c.id, c.draw_rank, c.event_seq, `+stateNow+` AS state, c.disabled_at IS NOT NULL AS disabled
		FROM coupons c JOIN books b ON b.id = c.book_id
		WHERE c.book_id = @book_id AND c.id = ANY(@ids) ORDER BY c.id FOR UPDATE OF c`,
		pgx.StrictNamedArgs{"book_id": bookID, "ids": ids})
	byID := make(map[uuid.UUID]ChosenCoupon, len(held))
	for _, c := range held {
		byID[c.ID] = c
	}
	return byID, err
}

const freeCoupons = `
	SELECT id, draw_rank, event_seq FROM coupons
	WHERE book_id = @book_id AND state = 'UNASSIGNED' AND disabled_at IS NULL AND draw_rank > @after
	  AND (expires_at IS NULL OR expires_at > clock_timestamp())
	ORDER BY draw_rank LIMIT @n FOR UPDATE `

// TakeFree locks up to n free coupons with the lowest draw ranks after a bound,
// which is a uniform random draw. When there seem to be fewer, it looks at all
// of them again and waits for whoever holds some, so that "too few" is true.
func (s *Store) TakeFree(ctx context.Context, bookID uuid.UUID, after int64, n int) ([]FreeCoupon, error) {
	if n == 0 {
		return nil, nil
	}
	args := pgx.StrictNamedArgs{"book_id": bookID, "after": after, "n": n}
	free, err := all[FreeCoupon](ctx, s.db, freeCoupons+`SKIP LOCKED`, args)
	if err != nil || len(free) == n {
		return free, err
	}
	args["after"] = int64(-1)
	return all[FreeCoupon](ctx, s.db, freeCoupons, args)
}
