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

// ExpireCoupons writes up to limit coupons of an ended book down as expired and
// returns how many. One that was never held tells no event. Coupons that
// someone else has in hand are left for the next time.
func (s *Store) ExpireCoupons(ctx context.Context, bookID uuid.UUID, limit int) (expired int, err error) {
	err = s.InTx(ctx, func(tx *Store) error {
		book, err := tx.bookAndStock(ctx, bookID)
		if err != nil || book.EndsAt == nil || book.Now.Before(*book.EndsAt) {
			return err // it was given more time meanwhile
		}
		ended, err := one[struct{ Expired, Free int }](ctx, tx.db, nil, `
			WITH over AS (
				SELECT id, state FROM coupons
				WHERE book_id = @book_id AND state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED')
				LIMIT @limit FOR UPDATE SKIP LOCKED),
			ended AS (
				UPDATE coupons c
				SET state = 'EXPIRED', event_seq = event_seq + CASE WHEN event_seq > 0 THEN 1 ELSE 0 END,
				    lock_id = NULL, locked_by = NULL, locked_at = NULL, locked_until = NULL, lock_order_ref = NULL
				FROM over WHERE c.id = over.id
				RETURNING c.id, c.user_id, c.event_seq, over.state AS was),
			told AS (
				INSERT INTO events (type, book_id, coupon_id, coupon_seq, user_id, data, created_at)
				SELECT @type, @book_id, id, event_seq, user_id, jsonb_build_object('from', was, 'to', 'EXPIRED'), clock_timestamp()
				FROM ended WHERE event_seq > 0)
			SELECT count(*) AS expired, count(*) FILTER (WHERE was = 'UNASSIGNED') AS free FROM ended`,
			pgx.StrictNamedArgs{"book_id": bookID, "limit": limit, "type": coupon.CouponExpired})
		if err != nil {
			return err
		}
		expired = ended.Expired
		_, err = tx.db.Exec(ctx, `UPDATE book_stock SET free = free - @free WHERE book_id = @book_id`,
			pgx.StrictNamedArgs{"book_id": bookID, "free": ended.Free})
		return err
	})
	return expired, err
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

// bookAndStock reads a book and the clock while the stock is held.
func (s *Store) bookAndStock(ctx context.Context, bookID uuid.UUID) (bookNow, error) {
	args := pgx.StrictNamedArgs{"id": bookID}
	if _, err := s.db.Exec(ctx, `SELECT FROM book_stock WHERE book_id = @id FOR UPDATE`, args); err != nil {
		return bookNow{}, err
	}
	return one[bookNow](ctx, s.db, coupon.ErrBookNotFound,
		`SELECT `+bookColumns+`, clock_timestamp() AS now FROM books WHERE id = @id`, args)
}
