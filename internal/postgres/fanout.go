package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// ownerOf joins what tells whom an event e belongs to: the owner of its book, of
// its pool, or whom it concerns; and who submitted its job.
const ownerOf = `
	LEFT JOIN books b ON b.id = e.book_id
	LEFT JOIN jobs j ON j.id = e.job_id
	LEFT JOIN pools p ON p.id = j.pool_id AND e.book_id IS NULL`

// ownedBy is true of events joined with ownerOf that a user may hear of.
func ownedBy(user string) string {
	return `(` + user + ` = coalesce(b.owner_id, p.owner_id, CASE WHEN e.job_id IS NULL THEN e.user_id END)
	         OR ` + user + ` = j.submitter_id AND e.coupon_id IS NULL)`
}

// matches is true of events that a list of event filters names.
func matches(filters string) string {
	return `(e.type = ANY(` + filters + `) OR '*' = ANY(` + filters + `) OR split_part(e.type, '.', 1) || '.*' = ANY(` + filters + `))`
}

// fanOut makes deliveries of the events that the CTE page selects. Events of
// coupons that one transaction did alike travel together: whole transactions
// are in a page, so that each time the same ones do.
var fanOut = `,
	numbered AS (
		SELECT *, CASE WHEN coupon_id IS NULL THEN id ELSE
		       -1 - (row_number() OVER (PARTITION BY xact, type, book_id, job_id, actor_id ORDER BY id) - 1) / @together END AS part
		FROM page),
	e AS (
		SELECT min(id) AS id, max(id) AS last_id, count(*) AS events, type, book_id, job_id, min(coupon_id::text)::uuid AS coupon_id,
		       min(user_id::text)::uuid AS user_id, min(created_at) AS created_at
		FROM numbered WHERE type <> @test GROUP BY xact, type, book_id, job_id, actor_id, part),
	wanted AS (
		SELECT e.*, w.id AS endpoint_id, NULL AS callback_url
		FROM e ` + ownerOf + `
		JOIN webhook_endpoints w ON (w.book_ids IS NULL OR e.book_id = ANY(w.book_ids)) AND ` + matches("w.events") + `
		JOIN users u ON u.id = w.owner_id AND u.disabled_at IS NULL AND (u.role = 'admin' OR u.role = 'manager' AND ` + ownedBy("u.id") + `)
		WHERE w.deleted_at IS NULL AND w.status <> 'disabled' AND CASE WHEN @endpoint::uuid IS NULL THEN e.created_at >= w.created_at ELSE w.id = @endpoint END
		UNION ALL
		SELECT e.*, w.id, j.callback_url
		FROM e JOIN jobs j ON j.id = e.job_id JOIN webhook_endpoints w ON w.id = j.callback_endpoint_id
		JOIN users u ON u.id = w.owner_id AND u.disabled_at IS NULL
		WHERE j.callback_url IS NOT NULL AND e.type = ANY(@ends) AND w.deleted_at IS NULL AND w.status <> 'disabled'
		  AND (@endpoint IS NULL OR w.id = @endpoint)),
	dealt AS (
		INSERT INTO webhook_deliveries AS d (endpoint_id, event_id, last_event_id, events, type, callback_url, event_at, next_attempt_at)
		SELECT endpoint_id, id, last_id, events, type, callback_url, created_at, clock_timestamp() FROM wanted ORDER BY endpoint_id, id
		ON CONFLICT (endpoint_id, event_id, callback_url) DO `

func fanOutArgs(more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	ends := make([]coupon.EventType, 0, len(coupon.JobEnded))
	for _, end := range coupon.JobEnded {
		ends = append(ends, end)
	}
	more["together"], more["test"], more["ends"] = coupon.MaxEventsTogether, coupon.WebhookTest, ends
	return more
}

// EventSpan is a part of the events: those of whole transactions after one and up to
// another. (Transactions are numbers in decimal.)
type EventSpan struct{ After, UpTo string }

// mostFannedOut is how many deliveries one transaction makes, or hardly more,
// even if all endpoints want all events.
const mostFannedOut = 50_000

// NextEvents holds the dispatcher's place, and returns the span of the next
// limit events, or hardly more. It is not ok when there are none, or another
// dispatcher is at work. Without an endpoint the span is skipped.
//
// Only transactions before the oldest one under way are in it: a later one may
// have an event still to commit that comes before its events.
func (s *Store) NextEvents(ctx context.Context, limit int) (span EventSpan, ok bool, err error) {
	type place struct {
		Xact      string
		Endpoints int
	}
	at, err := one[place](ctx, s.db, errNoPlace, `
		SELECT xact::text AS xact, (SELECT count(*) FROM webhook_endpoints WHERE deleted_at IS NULL AND status <> 'disabled') AS endpoints
		FROM webhook_cursor c WHERE `+eventsAhead+` FOR UPDATE SKIP LOCKED`, nil)
	if errors.Is(err, errNoPlace) {
		return span, false, nil
	}
	if err != nil {
		return span, false, err
	}
	next := `ORDER BY xact DESC, id DESC LIMIT 1`
	args := pgx.StrictNamedArgs{"after": at.Xact}
	if at.Endpoints > 0 {
		next, args["limit"] = `ORDER BY xact, id LIMIT @limit`, max(1, min(limit, mostFannedOut/at.Endpoints))
	}
	var upTo *string
	err = s.db.QueryRow(ctx, `
		SELECT max(xact)::text FROM (
			SELECT xact FROM events WHERE xact > @after::text::xid8 AND xact < pg_snapshot_xmin(pg_current_snapshot()) `+next+`) AS ahead`, args).
		Scan(&upTo)
	if err != nil || upTo == nil {
		return span, false, err
	}
	_, err = s.db.Exec(ctx, `UPDATE webhook_cursor SET xact = @up_to::text::xid8`, pgx.StrictNamedArgs{"up_to": *upTo})
	return EventSpan{at.Xact, *upTo}, at.Endpoints > 0, err
}

// eventsAhead tells whether there are events to read after a cursor c. Where there
// are none its row is not locked: that would write to disk, ten times a second.
const eventsAhead = `(SELECT e.xact FROM events e WHERE e.xact > c.xact ORDER BY e.xact, e.id LIMIT 1) < pg_snapshot_xmin(pg_current_snapshot())`

var errNoPlace = errors.New("there are no events, or another dispatcher is at work")

// FanOut makes the deliveries of a span of events, and returns the endpoints
// that have something to be sent, to ring for.
func (s *Store) FanOut(ctx context.Context, span EventSpan) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `
		WITH page AS (SELECT * FROM events WHERE xact > @after::text::xid8 AND xact <= @up_to::text::xid8)`+fanOut+`NOTHING
			RETURNING endpoint_id)
		UPDATE webhook_endpoints w SET rung_at = clock_timestamp()
		WHERE id IN (SELECT endpoint_id FROM dealt) AND `+canRing+`
		RETURNING id`, fanOutArgs(pgx.StrictNamedArgs{"after": span.After, "up_to": span.UpTo, "endpoint": nil}))
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// TimeSpan is a part of the events by when they happened: From is in, To is not.
type TimeSpan struct{ From, To time.Time }

// EventsWithin counts the events of a span of time, and tells in which
// transactions they are.
func (s *Store) EventsWithin(ctx context.Context, span TimeSpan) (n int, in EventSpan, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT count(*), coalesce(min(xact)::text::numeric - 1, 0)::text, coalesce(max(xact)::text, '0') FROM events
		WHERE created_at >= @from AND created_at < @to`,
		pgx.StrictNamedArgs{"from": span.From, "to": span.To}).Scan(&n, &in.After, &in.UpTo)
	return n, in, err
}

// Replayed is what a step of a replay has done.
type Replayed struct {
	UpTo       *string // the last transaction of the step; nil: there are no more
	Looked     int     // events
	Deliveries int
}

// Replay begins the deliveries of events of a span of time to an endpoint anew,
// and makes those that there never were: a step of the transactions that they
// are in, with limit events or hardly more. Transactions are taken whole: else
// the same events would travel together in another way, under another id.
func (s *Store) Replay(ctx context.Context, endpoint uuid.UUID, span TimeSpan, in EventSpan, limit int) (Replayed, error) {
	return one[Replayed](ctx, s.db, nil, `
		WITH step AS MATERIALIZED (
			SELECT xact FROM events
			WHERE created_at >= @from AND created_at < @to AND xact > @after::text::xid8 AND xact <= @up_to::text::xid8
			  AND xact <= (SELECT xact FROM webhook_cursor)
			ORDER BY xact, id LIMIT @limit),
		page AS (
			SELECT * FROM events
			WHERE xact = ANY(ARRAY(SELECT DISTINCT xact FROM step)))`+fanOut+`UPDATE
			SET status = 'pending', tries = 0, next_attempt_at = clock_timestamp(), ended_at = NULL
			RETURNING id)
		SELECT (SELECT max(xact) FROM step)::text AS up_to, (SELECT count(*) FROM page) AS looked, (SELECT count(*) FROM dealt) AS deliveries`,
		fanOutArgs(pgx.StrictNamedArgs{"endpoint": endpoint, "from": span.From, "to": span.To, "after": in.After, "up_to": in.UpTo, "limit": limit}))
}
