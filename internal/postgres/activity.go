package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// activityOf counts the events that a condition selects, by book and hour.
func activityOf(events string) string {
	return `
		SELECT book_id, date_trunc('hour', created_at, 'UTC') AS hour,
		       count(*) FILTER (WHERE type = 'coupon.assigned') AS granted,
		       count(*) FILTER (WHERE type = 'job.failed') AS refused,
		       count(*) FILTER (WHERE type = 'coupon.redeemed') AS redeemed,
		       count(*) FILTER (WHERE type = 'coupon.rolled_back') AS rolled_back
		FROM events
		WHERE ` + events + ` AND book_id IS NOT NULL
		  AND (type IN ('coupon.assigned', 'coupon.redeemed', 'coupon.rolled_back') OR type = 'job.failed' AND user_id IS NOT NULL)
		GROUP BY 1, 2`
}

// CountActivity counts the next limit events, or hardly more, and reports
// whether there were any. Whole transactions are counted, of those before the
// oldest one under way, by one process at a time: see NextEvents.
func (s *Store) CountActivity(ctx context.Context, limit int) (more bool, err error) {
	err = s.db.QueryRow(ctx, `
		WITH place AS (SELECT xact FROM activity_cursor c WHERE `+eventsAhead+` FOR UPDATE SKIP LOCKED),
		span AS (
			SELECT max(xact) AS up_to FROM (
				SELECT xact FROM events
				WHERE xact > (SELECT xact FROM place) AND xact < pg_snapshot_xmin(pg_current_snapshot())
				ORDER BY xact, id LIMIT @limit) AS ahead),
		counted AS (
			INSERT INTO book_activity AS a (book_id, hour, granted, refused, redeemed, rolled_back)
			`+activityOf(`xact > (SELECT xact FROM place) AND xact <= (SELECT up_to FROM span)`)+`
			ON CONFLICT (book_id, hour) DO UPDATE
			SET granted = a.granted + excluded.granted, refused = a.refused + excluded.refused,
			    redeemed = a.redeemed + excluded.redeemed, rolled_back = a.rolled_back + excluded.rolled_back),
		moved AS (UPDATE activity_cursor SET xact = up_to FROM span WHERE up_to IS NOT NULL)
		SELECT up_to IS NOT NULL FROM span`, pgx.StrictNamedArgs{"limit": limit}).Scan(&more)
	return more, err
}

// Activity tells what happened, hour by hour; hours in which nothing did are
// left out.
func (s *Store) Activity(ctx context.Context, f coupon.ActivityFilter) ([]coupon.Activity, error) {
	n := narrowed{`hour >= date_trunc('hour', @from::timestamptz, 'UTC') AND hour < @to`, pgx.StrictNamedArgs{"from": f.From, "to": f.To}}
	n.by(f.BookID != nil, `book_id = @book_id`, "book_id", f.BookID)
	n.by(f.OwnerID != nil, `book_id IN (SELECT id FROM books WHERE owner_id = @owner_id)`, "owner_id", f.OwnerID)
	return all[coupon.Activity](ctx, s.db, `
		SELECT hour, sum(granted)::bigint AS granted, sum(refused)::bigint AS refused,
		       sum(redeemed)::bigint AS redeemed, sum(rolled_back)::bigint AS rolled_back
		FROM book_activity WHERE `+n.where+` GROUP BY hour ORDER BY hour`, n.args)
}
