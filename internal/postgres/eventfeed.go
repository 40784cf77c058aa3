package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// toldColumns reads events e as their messages tell them.
const toldColumns = `e.id, e.type, e.book_id, e.coupon_id, e.coupon_seq, e.job_id, e.user_id, e.actor_id, e.data, e.created_at,
	(SELECT c.code FROM coupons c WHERE c.id = e.coupon_id) AS code, u.external_id, u.email,
	CASE WHEN e.type LIKE 'job.%' THEN (
		SELECT coalesce(e.data->'job', ` + toldJob + `)
		FROM jobs j WHERE j.id = e.job_id) END AS job`

// toldJob is a job as its events tell it. One that may be retried has this in the
// event itself: its row changes, and what a message tells must not.
const toldJob = `jsonb_build_object('id', j.id, 'kind', j.kind, 'status', j.status, 'book_id', j.book_id, 'pool_id', j.pool_id,
		       'submitted_by', j.submitter_id, 'total', j.total, 'succeeded', j.succeeded, 'failed', j.failed, 'skipped', j.skipped,
		       'error_code', j.error_code, 'error_detail', j.error_detail, 'created_at', j.created_at, 'finished_at', j.finished_at,
		       'coupons', (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'code', c.code) ORDER BY got.n)
		                   FROM unnest(j.coupon_ids) WITH ORDINALITY AS got (id, n) JOIN coupons c ON c.id = got.id))`

// EventsOf returns the events of deliveries, those of each in order.
func (s *Store) EventsOf(ctx context.Context, deliveries []int64) (map[int64][]coupon.ToldEvent, error) {
	type row struct {
		DeliveryID int64
		coupon.ToldEvent
	}
	rows, err := all[row](ctx, s.db, `
		SELECT d.id AS delivery_id, `+toldColumns+`
		FROM webhook_deliveries d JOIN events first ON first.id = d.event_id
		CROSS JOIN LATERAL (
			SELECT * FROM events e
			WHERE e.id BETWEEN d.event_id AND d.last_event_id AND e.xact = first.xact AND e.type = first.type
			  AND (e.book_id, e.job_id, e.actor_id) IS NOT DISTINCT FROM (first.book_id, first.job_id, first.actor_id)
			OFFSET 0) e -- by its ids, delivery by delivery, whatever the statistics say
		LEFT JOIN users u ON u.id = e.user_id
		WHERE d.id = ANY(@deliveries) ORDER BY e.id`, pgx.StrictNamedArgs{"deliveries": deliveries})
	told := make(map[int64][]coupon.ToldEvent, len(deliveries))
	for _, r := range rows {
		told[r.DeliveryID] = append(told[r.DeliveryID], r.ToldEvent)
	}
	return told, err
}

// EventPlace is a place among all events: after the one with this id, of this
// transaction (a number in decimal).
type EventPlace struct {
	Xact  string `json:"x"`
	ID    int64  `json:"i"`
	Epoch int    `json:"e,omitempty"` // see AfterRestore
}

// EventFilter narrows the list of events; nil fields do not.
type EventFilter struct {
	VisibleTo *uuid.UUID // of what he owns, and of jobs he submitted
	BookID    *uuid.UUID
	Types     []string // event filters; nil: all
	After     EventPlace
}

// EventPage is a part of the list of events.
type EventPage struct {
	Events []coupon.ToldEvent
	Next   EventPlace // where the list goes on
	More   bool       // there are events after that already
}

// mostLooked is how many events a page looks at: when it finds few that match,
// the page is short, and the reader goes on after it.
const mostLooked = 20_000

// EventsAfter lists events once each, in an order that never changes: by
// transaction, and as far as no transaction is under way that could put one in
// between. A place of another epoch is ErrEventsRestored.
func (s *Store) EventsAfter(ctx context.Context, f EventFilter, limit int) (page EventPage, err error) {
	type row struct {
		coupon.ToldEvent
		Xact string
	}
	type ends struct {
		Xact  *string
		ID    *int64
		N     int
		Epoch int
	}
	const ahead = ` FROM events e
		WHERE (e.xact, e.id) > (@xact::text::xid8, @id::bigint) AND e.xact < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY e.xact, e.id LIMIT `
	args := pgx.StrictNamedArgs{"xact": f.After.Xact, "id": f.After.ID, "looked": mostLooked}
	end, err := one[ends](ctx, s.db, nil, `
		WITH looked AS (SELECT e.xact, e.id`+ahead+`@looked)
		SELECT last.xact::text, last.id, (SELECT count(*) FROM looked) AS n, epoch
		FROM event_epoch LEFT JOIN (SELECT * FROM looked ORDER BY xact DESC, id DESC LIMIT 1) last ON true`, args)
	if err == nil && f.After.ID > 0 && f.After.Epoch != end.Epoch {
		err = coupon.ErrEventsRestored
	}
	if err != nil || end.Xact == nil {
		return EventPage{Next: f.After}, err
	}
	rows, err := all[row](ctx, s.db, `
		SELECT `+toldColumns+`, e.xact::text AS xact
		FROM events e `+ownerOf+` LEFT JOIN users u ON u.id = e.user_id
		WHERE (e.xact, e.id) > (@xact::text::xid8, @id::bigint) AND (e.xact, e.id) <= (@end_xact::text::xid8, @end_id::bigint)
		  AND (@visible_to::uuid IS NULL OR `+ownedBy("@visible_to")+`) AND (@book_id::uuid IS NULL OR e.book_id = @book_id)
		  AND (@types::text[] IS NULL OR `+matches("@types")+`)
		ORDER BY e.xact, e.id LIMIT @limit + 1`,
		pgx.StrictNamedArgs{
			"xact": f.After.Xact, "id": f.After.ID, "end_xact": *end.Xact, "end_id": *end.ID,
			"visible_to": f.VisibleTo, "book_id": f.BookID, "types": f.Types, "limit": limit,
		})
	page.Next, page.More = EventPlace{*end.Xact, *end.ID, end.Epoch}, end.N == mostLooked
	if len(rows) > limit {
		rows, page.More = rows[:limit], true
		page.Next = EventPlace{rows[limit-1].Xact, rows[limit-1].ID, end.Epoch}
	}
	for _, r := range rows {
		page.Events = append(page.Events, r.ToldEvent)
	}
	return page, err
}
