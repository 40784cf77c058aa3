package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// WaitingBooks returns active or closed books whose oldest claim has waited
// longer than age: their doorbell was lost, or whoever heard it is dead.
func (s *Store) WaitingBooks(ctx context.Context, age time.Duration) ([]uuid.UUID, error) {
	// From book to book along the queue's index: the cost is the number of
	// books that have a queue, neither that of books nor that of claims.
	rows, _ := s.db.Query(ctx, `
		WITH RECURSIVE oldest AS (
			(SELECT book_id, created_at FROM jobs WHERE kind = 'claim' AND status = 'queued'
			 ORDER BY book_id, seq LIMIT 1)
			UNION ALL
			SELECT next.* FROM oldest CROSS JOIN LATERAL (
				SELECT book_id, created_at FROM jobs
				WHERE kind = 'claim' AND status = 'queued' AND book_id > oldest.book_id
				ORDER BY book_id, seq LIMIT 1) next)
		SELECT book_id FROM oldest JOIN books b ON b.id = book_id
		WHERE b.status IN ('active', 'closed') AND oldest.created_at < clock_timestamp() - @age::interval`,
		pgx.StrictNamedArgs{"age": age})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// HasWaiting reports whether the book has a claim that waits and nobody holds.
func (s *Store) HasWaiting(ctx context.Context, bookID uuid.UUID) (bool, error) {
	rows, _ := s.db.Query(ctx, `
		SELECT id FROM jobs WHERE book_id = @book_id AND kind = 'claim' AND status = 'queued'
		ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED`, pgx.StrictNamedArgs{"book_id": bookID})
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return len(found) > 0, err
}

// BulkJob names a bulk job and what it does.
type BulkJob struct {
	ID   uuid.UUID
	Kind coupon.JobKind
}

// StaleBulk returns bulk jobs that wait longer than two seconds, or run without
// a sign of life for five, and marks them as rung, so that each is rung once in
// five seconds however many sweepers there are.
func (s *Store) StaleBulk(ctx context.Context) ([]BulkJob, error) {
	return all[BulkJob](ctx, s.db, `
		UPDATE jobs SET rung_at = clock_timestamp()
		WHERE id IN (
			SELECT id FROM jobs
			WHERE kind <> 'claim' AND status IN ('queued', 'running')
			  AND CASE status WHEN 'queued' THEN created_at < clock_timestamp() - interval '2 seconds'
			                  ELSE heartbeat_at < clock_timestamp() - interval '5 seconds' END
			  AND (rung_at IS NULL OR rung_at < clock_timestamp() - interval '5 seconds')
			ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)
		RETURNING id, kind`, pgx.StrictNamedArgs{})
}

// EndLocks writes down that locks have run out, up to limit of them, and
// returns how many. A lock that was extended meanwhile stays.
func (s *Store) EndLocks(ctx context.Context, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		WITH over AS (
			SELECT id FROM coupons WHERE state = 'LOCKED' AND locked_until <= clock_timestamp()
			ORDER BY locked_until LIMIT @limit FOR UPDATE SKIP LOCKED),
		ended AS (
			UPDATE coupons c
			SET state = 'ASSIGNED', event_seq = event_seq + 1, lock_id = NULL, locked_by = NULL, locked_at = NULL,
			    locked_until = NULL, lock_order_ref = NULL
			FROM over WHERE c.id = over.id
			RETURNING c.id, c.book_id, c.user_id, c.event_seq)
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, user_id, data, created_at)
		SELECT @type, book_id, id, event_seq, user_id, jsonb_build_object('from', 'LOCKED', 'to', 'ASSIGNED'), clock_timestamp()
		FROM ended`, pgx.StrictNamedArgs{"limit": limit, "type": coupon.CouponLockExpired})
	return int(tag.RowsAffected()), err
}
