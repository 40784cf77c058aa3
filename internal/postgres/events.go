package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Event is one that is not about a single coupon; those are written with the
// change of the coupon itself.
type Event struct {
	Type    coupon.EventType
	BookID  uuid.UUID // zero: none
	JobID   *uuid.UUID
	UserID  *uuid.UUID // whom it concerns
	ActorID *uuid.UUID
	Data    json.RawMessage
}

// AddEvent writes an event into the transaction of what it tells.
func (s *Store) AddEvent(ctx context.Context, e Event) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO events (type, book_id, job_id, user_id, actor_id, data, created_at)
		VALUES (@type, @book_id, @job_id, @user_id, @actor_id, @data, clock_timestamp())`,
		pgx.StrictNamedArgs{
			"type": e.Type, "book_id": idOrNull(e.BookID), "job_id": e.JobID, "user_id": e.UserID, "actor_id": e.ActorID, "data": e.Data,
		})
	return err
}

// Timeline returns the events of a coupon in order.
func (s *Store) Timeline(ctx context.Context, couponID uuid.UUID) ([]coupon.TimelineEvent, error) {
	return all[coupon.TimelineEvent](ctx, s.db, `
		SELECT coupon_seq AS seq, type, user_id, actor_id, data, created_at
		FROM events WHERE coupon_id = @coupon_id ORDER BY coupon_seq`, pgx.StrictNamedArgs{"coupon_id": couponID})
}
