package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// stateNow is the state of a coupon c of a book b at this instant, whether or
// not it has been written down: coupon.Till's Settled and Expire in SQL.
const stateNow = `CASE
	WHEN c.state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED') AND least(c.expires_at, b.ends_at) <= clock_timestamp() THEN 'EXPIRED'
	WHEN c.state = 'LOCKED' AND c.locked_until <= clock_timestamp() THEN 'ASSIGNED'
	ELSE c.state END`

// listedColumns are those of coupons c and of what their book b adds.
const listedColumns = `c.id, c.book_id, c.batch_id, c.code, c.state, c.user_id, c.assigned_at, c.starts_at, c.ends_at, c.expires_at,
	c.metadata, c.max_redemptions, c.redemptions, c.disabled_at, c.event_seq, c.lock_id, c.locked_by, c.locked_at, c.locked_until, c.lock_order_ref,
	b.name AS book_name, b.ends_at AS book_ends_at, b.benefit AS book_benefit, clock_timestamp() AS now`

type listedCoupon struct {
	coupon.Coupon
	BookName    string
	BookEndsAt  *time.Time
	BookBenefit json.RawMessage
	Now         time.Time
}

// listed runs a query of listedColumns. The tills carry of their books what a
// list shows: name, end and benefit.
func (s *Store) listed(ctx context.Context, query string, args pgx.StrictNamedArgs) ([]coupon.Till, error) {
	rows, err := all[listedCoupon](ctx, s.db, query, args)
	tills := make([]coupon.Till, len(rows))
	for i, row := range rows {
		tills[i] = coupon.Till{
			Coupon: row.Coupon, Now: row.Now,
			Book: coupon.Book{ID: row.BookID, Name: row.BookName, EndsAt: row.BookEndsAt, Benefit: row.BookBenefit},
		}
	}
	return tills, err
}

// CouponsOf lists a user's coupons: those he can use first, and of these and
// of the others the one that ends first.
func (s *Store) CouponsOf(ctx context.Context, userID uuid.UUID, f coupon.HeldFilter, limit int) ([]coupon.Till, error) {
	return s.listed(ctx, `
		SELECT `+listedColumns+`
		FROM coupons c JOIN books b ON b.id = c.book_id CROSS JOIN LATERAL (
			SELECT `+stateNow+` AS state, coalesce(least(c.expires_at, b.ends_at), 'infinity') AS ends) at_present
		WHERE c.user_id = @user_id
		  AND (@book_id::uuid IS NULL OR c.book_id = @book_id)
		  AND (@state::text IS NULL OR at_present.state = @state)
		  AND (@after_id::uuid IS NULL OR (at_present.state NOT IN ('ASSIGNED', 'LOCKED'), ends, c.id)
		       > (@after_over::boolean, coalesce(@after_ends::timestamptz, 'infinity'), @after_id))
		ORDER BY at_present.state NOT IN ('ASSIGNED', 'LOCKED'), ends, c.id LIMIT @limit`,
		pgx.StrictNamedArgs{
			"user_id": userID, "book_id": f.BookID, "state": f.State, "limit": limit,
			"after_over": f.After.Over, "after_ends": f.After.Ends, "after_id": f.After.ID,
		})
}

// CountCouponsOf counts a user's coupons by state, of one book or of all.
func (s *Store) CountCouponsOf(ctx context.Context, userID uuid.UUID, bookID *uuid.UUID) (map[coupon.State]int, error) {
	type count struct {
		State coupon.State
		N     int
	}
	counts, err := all[count](ctx, s.db, `
		SELECT `+stateNow+` AS state, count(*) AS n
		FROM coupons c JOIN books b ON b.id = c.book_id
		WHERE c.user_id = @user_id AND (@book_id::uuid IS NULL OR c.book_id = @book_id) GROUP BY 1`,
		pgx.StrictNamedArgs{"user_id": userID, "book_id": bookID})
	byState := make(map[coupon.State]int, len(counts))
	for _, c := range counts {
		byState[c.State] = c.N
	}
	return byState, err
}

// CouponsIn lists a book's coupons in the order of their codes. With a state it
// lists those that are in it at present and have been written down so.
//
// It goes through the index once for each state and merges what it finds, so
// that no filter makes it read many more than it returns.
func (s *Store) CouponsIn(ctx context.Context, bookID uuid.UUID, f coupon.StockFilter, limit int) ([]coupon.Till, error) {
	states, within := coupon.States, `c.book_id = b.id`
	if f.State != nil {
		states = []coupon.State{*f.State}
	}
	args := pgx.StrictNamedArgs{
		"book_id": bookID, "states": states, "present": f.State != nil, "after": f.After, "limit": limit,
		"from": f.Prefix, "until": f.Prefix + "\U0010FFFF",
	}
	if f.BatchID != nil {
		within, args["batch_id"] = `c.batch_id = @batch_id AND c.book_id = b.id`, f.BatchID
	}
	return s.listed(ctx, `
		SELECT `+listedColumns+`
		FROM books b CROSS JOIN unnest(@states::text[]) AS written (state) CROSS JOIN LATERAL (
			SELECT * FROM coupons c
			WHERE `+within+` AND c.state = written.state
			  AND c.normalised >= @from AND c.normalised < @until
			  AND c.normalised > coalesce((SELECT normalised FROM coupons WHERE id = @after), '')
			  AND (NOT @present OR `+stateNow+` = c.state)
			ORDER BY c.normalised LIMIT @limit) c
		WHERE b.id = @book_id
		ORDER BY c.normalised LIMIT @limit`, args)
}
