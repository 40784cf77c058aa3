package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// EndedBooks returns books whose time is over, and whose coupons may not all
// have been written down as expired.
func (s *Store) EndedBooks(ctx context.Context, limit int) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `
		SELECT id FROM books WHERE expired_at IS NULL AND ends_at <= clock_timestamp()
		ORDER BY ends_at LIMIT @limit`, pgx.StrictNamedArgs{"limit": limit})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// writeDown ends what the CTE over (id, state) selects and holds: the coupons
// come to a state without a lock, with event and statistics. One that expires
// before anything was told of it tells no event.
const writeDown = `,
	ended AS (
		UPDATE coupons c
		SET state = @to, event_seq = event_seq + CASE WHEN event_seq > 0 OR @to = 'VOID' THEN 1 ELSE 0 END,
		    lock_id = NULL, locked_by = NULL, locked_at = NULL, locked_until = NULL, lock_order_ref = NULL
		FROM over WHERE c.id = over.id
		RETURNING c.id, c.book_id, c.user_id, c.event_seq, c.disabled_at, over.state AS was),
	told AS (
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, user_id, actor_id, data, created_at)
		SELECT @type, book_id, id, event_seq, user_id, @actor,
		       jsonb_strip_nulls(jsonb_build_object('from', was, 'to', @to, 'reason', @reason::text)), clock_timestamp()
		FROM ended WHERE event_seq > 0),
	counted AS (
		INSERT INTO book_stats AS s (book_id, shard, locked, expired, void)
		SELECT book_id, 0, -count(*) FILTER (WHERE was = 'LOCKED'), count(*) FILTER (WHERE @to = 'EXPIRED'),
		       count(*) FILTER (WHERE @to = 'VOID')
		FROM ended GROUP BY book_id ORDER BY book_id` + addStats + `)
	SELECT count(*) AS ended, count(*) FILTER (WHERE was = 'UNASSIGNED' AND disabled_at IS NULL) AS free,
	       count(*) FILTER (WHERE was = 'UNASSIGNED' AND disabled_at IS NOT NULL) AS disabled
	FROM ended`

// writtenDown counts all that ended, and of these those that were in the stock.
type writtenDown struct{ Ended, Free, Disabled int }

// byTheClock says where writeDown leads when nobody but the clock does it.
func byTheClock(to coupon.State, event coupon.EventType, more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	more["to"], more["type"], more["actor"], more["reason"] = to, event, nil, nil
	return more
}

// ExpireBook writes up to limit coupons of an ended book down as expired and
// returns how many. Coupons that someone else has in hand are left for the
// next time.
func (s *Store) ExpireBook(ctx context.Context, bookID uuid.UUID, limit int) (expired int, err error) {
	err = s.InTx(ctx, func(tx *Store) error {
		book, err := tx.BookAndStock(ctx, bookID)
		if err != nil || book.EndsAt == nil || book.Now.Before(*book.EndsAt) {
			return err // it was given more time meanwhile
		}
		expired, err = tx.endInStock(ctx, bookID, `
			SELECT id, state FROM coupons
			WHERE book_id = @book_id AND state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED')
			LIMIT @limit FOR UPDATE SKIP LOCKED`,
			byTheClock(coupon.Expired, coupon.CouponExpired, pgx.StrictNamedArgs{"book_id": bookID, "limit": limit}))
		return err
	})
	return expired, err
}

// ExpireCoupons writes up to limit coupons whose own end has passed down as
// expired, and returns how many.
func (s *Store) ExpireCoupons(ctx context.Context, limit int) (int, error) {
	done, err := one[writtenDown](ctx, s.db, nil, `
		WITH over AS (
			SELECT id, state FROM coupons
			WHERE expires_at <= clock_timestamp() AND state IN ('ASSIGNED', 'LOCKED')
			ORDER BY expires_at LIMIT @limit FOR UPDATE SKIP LOCKED)`+writeDown,
		byTheClock(coupon.Expired, coupon.CouponExpired, pgx.StrictNamedArgs{"limit": limit}))
	return done.Ended, err
}

// ExpireFree writes up to limit coupons that nobody holds and whose own end has
// passed down as expired, of one book, and returns how many.
func (s *Store) ExpireFree(ctx context.Context, limit int) (expired int, err error) {
	rows, _ := s.db.Query(ctx, `
		SELECT book_id FROM coupons WHERE expires_at <= clock_timestamp() AND state = 'UNASSIGNED' ORDER BY expires_at LIMIT 1`)
	books, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(books) == 0 {
		return 0, err
	}
	err = s.InTx(ctx, func(tx *Store) error {
		if _, err := tx.BookAndStock(ctx, books[0]); err != nil {
			return err
		}
		expired, err = tx.endInStock(ctx, books[0], `
			SELECT id, state FROM coupons
			WHERE book_id = @book_id AND expires_at <= clock_timestamp() AND state = 'UNASSIGNED'
			LIMIT @limit FOR UPDATE SKIP LOCKED`,
			byTheClock(coupon.Expired, coupon.CouponExpired, pgx.StrictNamedArgs{"book_id": books[0], "limit": limit}))
		return err
	})
	return expired, err
}

// endInStock ends what the query selects of a book whose stock is held, and
// returns how many.
func (s *Store) endInStock(ctx context.Context, bookID uuid.UUID, over string, args pgx.StrictNamedArgs) (int, error) {
	done, err := one[writtenDown](ctx, s.db, nil, `WITH over AS (`+over+`)`+writeDown, args)
	if err != nil {
		return 0, err
	}
	_, err = s.db.Exec(ctx, `UPDATE book_stock SET free = free - @free, disabled = disabled - @disabled WHERE book_id = @book_id`,
		pgx.StrictNamedArgs{"book_id": bookID, "free": done.Free, "disabled": done.Disabled})
	return done.Ended, err
}

// EndLocks writes down that locks have run out, up to limit of them, and
// returns how many. A lock that was extended meanwhile stays.
func (s *Store) EndLocks(ctx context.Context, limit int) (int, error) {
	done, err := one[writtenDown](ctx, s.db, nil, `
		WITH over AS (
			SELECT id, state FROM coupons WHERE state = 'LOCKED' AND locked_until <= clock_timestamp()
			ORDER BY locked_until LIMIT @limit FOR UPDATE SKIP LOCKED)`+writeDown,
		byTheClock(coupon.Assigned, coupon.CouponLockExpired, pgx.StrictNamedArgs{"limit": limit}))
	return done.Ended, err
}

// NoteExpired notes that no coupon of an ended book is left to expire.
func (s *Store) NoteExpired(ctx context.Context, bookID uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE books SET expired_at = clock_timestamp()
		WHERE id = @id AND ends_at <= clock_timestamp() AND NOT EXISTS (
			SELECT FROM coupons WHERE book_id = @id AND state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED'))`,
		pgx.StrictNamedArgs{"id": bookID})
	return err
}

// BookAndStock reads a book and the clock, and holds its stock.
func (s *Store) BookAndStock(ctx context.Context, bookID uuid.UUID) (BookNow, error) {
	args := pgx.StrictNamedArgs{"id": bookID}
	if _, err := s.db.Exec(ctx, `SELECT FROM book_stock WHERE book_id = @id FOR UPDATE`, args); err != nil {
		return BookNow{}, err
	}
	return one[BookNow](ctx, s.db, coupon.ErrBookNotFound,
		`SELECT `+bookColumns+`, clock_timestamp() AS now FROM books WHERE id = @id`, args)
}
