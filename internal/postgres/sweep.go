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
			(SELECT book_id, created_at FROM jobs WHERE seq IS NOT NULL AND status = 'queued'
			 ORDER BY book_id, seq LIMIT 1)
			UNION ALL
			SELECT next.* FROM oldest CROSS JOIN LATERAL (
				SELECT book_id, created_at FROM jobs
				WHERE seq IS NOT NULL AND status = 'queued' AND book_id > oldest.book_id
				ORDER BY book_id, seq LIMIT 1) next)
		SELECT book_id FROM oldest JOIN books b ON b.id = book_id
		WHERE b.status IN ('active', 'closed') AND oldest.created_at < clock_timestamp() - @age::interval`,
		pgx.StrictNamedArgs{"age": age})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// HasWaiting reports whether the book has a claim that waits. It locks none: a
// drainer that comes in the meantime would pass over the head of the queue.
func (s *Store) HasWaiting(ctx context.Context, bookID uuid.UUID) (waiting bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM jobs WHERE book_id = @book_id AND seq IS NOT NULL AND status = 'queued')`,
		pgx.StrictNamedArgs{"book_id": bookID}).Scan(&waiting)
	return waiting, err
}

// BulkJob names a bulk job and what it does.
type BulkJob struct {
	ID   uuid.UUID
	Kind coupon.JobKind
}

// notHeld leaves out distributions of a book that is paused: they wait for it.
const notHeld = `(j.kind <> 'distribution' OR j.canceling OR (SELECT status FROM books WHERE id = j.book_id) <> 'paused')`

// StaleBulk returns bulk jobs that wait longer than two seconds, or run without
// a sign of life for five, and marks them as rung, so that each is rung once in
// five seconds however many sweepers there are. Of those of one submitter that
// wait, it is the first.
func (s *Store) StaleBulk(ctx context.Context) ([]BulkJob, error) {
	return all[BulkJob](ctx, s.db, `
		WITH waiting AS (
			SELECT id, row_number() OVER (PARTITION BY submitter_id, status, kind IN `+givesOut+` ORDER BY created_at) AS place
			FROM jobs j WHERE seq IS NULL AND status IN ('queued', 'running') AND `+notHeld+`)
		UPDATE jobs SET rung_at = clock_timestamp()
		WHERE id IN (
			SELECT id FROM jobs j JOIN waiting USING (id)
			WHERE seq IS NULL AND status IN ('queued', 'running') AND (place = 1 OR status = 'running')
			  AND CASE status WHEN 'queued' THEN created_at < clock_timestamp() - interval '2 seconds'
			                  ELSE heartbeat_at < clock_timestamp() - interval '5 seconds' END
			  AND (rung_at IS NULL OR rung_at < clock_timestamp() - interval '5 seconds')
			ORDER BY created_at LIMIT 100 FOR UPDATE OF j SKIP LOCKED)
		RETURNING id, kind`, pgx.StrictNamedArgs{})
}
