package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const deliveryColumns = `id, endpoint_id, event_id, events, type, callback_url, status, attempts, tries, next_attempt_at, event_at,
	created_at, ended_at`

// DueDeliveries returns deliveries to an endpoint whose time has come, the
// oldest first. (now() can be looked up in an index, clock_timestamp() cannot.)
func (s *Store) DueDeliveries(ctx context.Context, endpoint uuid.UUID, limit int) ([]coupon.Delivery, error) {
	return all[coupon.Delivery](ctx, s.db, `
		SELECT `+deliveryColumns+` FROM webhook_deliveries
		WHERE endpoint_id = @endpoint AND status = 'pending' AND next_attempt_at <= now()
		ORDER BY next_attempt_at, id LIMIT @limit`, pgx.StrictNamedArgs{"endpoint": endpoint, "limit": limit})
}

// DeliveryFilter narrows a list of deliveries; nil fields do not.
type DeliveryFilter struct {
	Status *coupon.DeliveryStatus
	Before *int64 // the last id of the page before
}

// Deliveries lists the deliveries to an endpoint, newest first.
func (s *Store) Deliveries(ctx context.Context, endpoint uuid.UUID, f DeliveryFilter, limit int) ([]coupon.Delivery, error) {
	n := narrowed{`WHERE endpoint_id = @endpoint`, pgx.StrictNamedArgs{"endpoint": endpoint, "limit": limit}}
	n.by(f.Status != nil, `status = @status`, "status", f.Status)
	n.by(f.Before != nil, `id < @before`, "before", f.Before)
	return all[coupon.Delivery](ctx, s.db,
		`SELECT `+deliveryColumns+` FROM webhook_deliveries `+n.where+` ORDER BY id DESC LIMIT @limit`, n.args)
}

// Delivery returns a delivery, or ErrDeliveryNotFound.
func (s *Store) Delivery(ctx context.Context, id int64) (coupon.Delivery, error) {
	return one[coupon.Delivery](ctx, s.db, coupon.ErrDeliveryNotFound,
		`SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE id = @id`, pgx.StrictNamedArgs{"id": id})
}

// Redeliver begins a delivery anew, now.
func (s *Store) Redeliver(ctx context.Context, id int64) (coupon.Delivery, error) {
	return one[coupon.Delivery](ctx, s.db, coupon.ErrDeliveryNotFound, `
		UPDATE webhook_deliveries SET status = 'pending', tries = 0, next_attempt_at = clock_timestamp(), ended_at = NULL
		WHERE id = @id RETURNING `+deliveryColumns, pgx.StrictNamedArgs{"id": id})
}

// AddTest makes an event that tests an endpoint, and its delivery, which nobody
// else sends for a minute. It fails with ErrTestsMany after too many in a minute;
// hold the endpoint first, so that they are counted well.
func (s *Store) AddTest(ctx context.Context, endpoint uuid.UUID, owner, actor uuid.UUID, data json.RawMessage, most int) (coupon.Delivery, error) {
	return one[coupon.Delivery](ctx, s.db, coupon.ErrTestsMany, `
		WITH told AS (
			INSERT INTO events (type, user_id, actor_id, data, created_at)
			SELECT 'webhook.test', @owner, @actor, @data, clock_timestamp()
			WHERE (SELECT count(*) FROM webhook_deliveries
			       WHERE endpoint_id = @endpoint AND type = 'webhook.test' AND created_at > now() - interval '1 minute') < @most
			RETURNING id, created_at)
		INSERT INTO webhook_deliveries (endpoint_id, event_id, last_event_id, events, type, event_at, next_attempt_at)
		SELECT @endpoint, id, id, 1, 'webhook.test', created_at, created_at + interval '1 minute' FROM told
		RETURNING `+deliveryColumns,
		pgx.StrictNamedArgs{"owner": owner, "actor": actor, "data": data, "endpoint": endpoint, "most": most})
}

// AttemptsOf returns the attempts of a delivery, in order.
func (s *Store) AttemptsOf(ctx context.Context, delivery int64) ([]coupon.Attempt, error) {
	rows, _ := s.db.Query(ctx, `
		SELECT n, url, request_headers, started_at, took_us, status_code, error, detail, response_headers, response_body
		FROM webhook_attempts WHERE delivery_id = @delivery ORDER BY id`, pgx.StrictNamedArgs{"delivery": delivery})
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (a coupon.Attempt, err error) {
		var took int64
		err = row.Scan(&a.N, &a.URL, &a.RequestHeaders, &a.StartedAt, &took, &a.StatusCode, &a.Error, &a.Detail,
			&a.ResponseHeaders, &a.ResponseBody)
		a.Took = time.Duration(took) * time.Microsecond
		return a, err
	})
}

// Tried is a delivery after an attempt, which is the last of its attempts.
type Tried struct {
	Delivery coupon.Delivery
	Attempt  coupon.Attempt
}

// NoteTried writes down attempts and what they made of their deliveries. A
// delivery that was begun anew or canceled meanwhile stays so.
func (s *Store) NoteTried(ctx context.Context, tried []Tried) error {
	batch := &pgx.Batch{}
	for _, t := range tried {
		a := t.Attempt
		batch.Queue(`
			INSERT INTO webhook_attempts (delivery_id, n, url, request_headers, started_at, took_us, status_code, error, detail,
			                              response_headers, response_body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			t.Delivery.ID, t.Delivery.Attempts, a.URL, a.RequestHeaders, a.StartedAt, a.Took.Microseconds(), a.StatusCode, a.Error, a.Detail,
			a.ResponseHeaders, a.ResponseBody)
		batch.Queue(`
			UPDATE webhook_deliveries d
			SET attempts = greatest(attempts, $2), tries = CASE WHEN ours THEN $3 ELSE tries END, status = CASE WHEN ours THEN $4 ELSE status END,
			    next_attempt_at = CASE WHEN ours THEN $5 ELSE next_attempt_at END, ended_at = CASE WHEN ours THEN $6 ELSE ended_at END
			FROM (SELECT id AS held, status = 'pending' AND tries = $3 - 1 AS ours FROM webhook_deliveries WHERE id = $1 FOR UPDATE) AS held
			WHERE d.id = held.held`,
			t.Delivery.ID, t.Delivery.Attempts, t.Delivery.Tries, t.Delivery.Status, t.Delivery.NextAttemptAt, t.Delivery.EndedAt)
	}
	return s.db.SendBatch(ctx, batch).Close()
}

// CancelDeliveries ends up to limit deliveries that wait for endpoints that are
// disabled or deleted, and returns how many. A test is let be as long as it is
// under way.
func (s *Store) CancelDeliveries(ctx context.Context, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		UPDATE webhook_deliveries SET status = 'canceled', ended_at = clock_timestamp()
		WHERE id = ANY(ARRAY(
			SELECT waiting.id FROM webhook_endpoints w CROSS JOIN LATERAL (
				SELECT id FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.status = 'pending'
				  AND (d.type <> 'webhook.test' OR d.next_attempt_at <= now()) ORDER BY next_attempt_at, id
				LIMIT @limit FOR UPDATE SKIP LOCKED) AS waiting
			WHERE w.status = 'disabled' OR w.deleted_at IS NOT NULL
			LIMIT @limit))`, pgx.StrictNamedArgs{"limit": limit})
	return int(tag.RowsAffected()), err
}

// DropDeliveries forgets up to limit deliveries that ended so long ago, with
// their attempts, and returns how many.
func (s *Store) DropDeliveries(ctx context.Context, kept time.Duration, limit int) (n int, err error) {
	err = s.db.QueryRow(ctx, `
		WITH old AS (
			DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
				SELECT id FROM webhook_deliveries WHERE ended_at < now() - @kept::interval
				ORDER BY ended_at LIMIT @limit FOR UPDATE SKIP LOCKED))
			RETURNING id),
		tries AS (DELETE FROM webhook_attempts WHERE delivery_id = ANY(ARRAY(SELECT id FROM old)))
		SELECT count(*) FROM old`, pgx.StrictNamedArgs{"kept": kept, "limit": limit}).Scan(&n)
	return n, err
}
