package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Turn is the next part of a distribution: its recipients, with the book's
// stock held.
type Turn struct {
	Book       coupon.Book
	Now        time.Time
	Recipients []coupon.Recipient
}

// OpenTurn holds the book's stock, as whoever takes or gives back coupons does,
// and reads the recipients of a span as they are now.
func (s *Store) OpenTurn(ctx context.Context, run BulkRun, d Distribution, span Span) (turn Turn, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`SET LOCAL plan_cache_mode = force_custom_plan`)
	batch.Queue(`SELECT FROM book_stock WHERE book_id = $1 FOR UPDATE`, run.BookID)
	// The clock is read after the wait for the stock.
	batch.Queue(`SELECT `+bookColumns+`, clock_timestamp() AS now FROM books WHERE id = $1`, run.BookID).
		Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[BookNow])
			turn.Book, turn.Now = found.Book, found.Now
			return err
		})
	// Look-ups, not joins: with statistics from before this run a join walked
	// all counters of the book for each recipient.
	batch.Queue(`
		SELECT r.n, r.user_id, `+planned+` AS planned, coalesce(r.reason, '') AS reason,
		       (SELECT u.disabled_at IS NOT NULL FROM users u WHERE u.id = r.user_id) AS disabled,
		       coalesce((SELECT l.used FROM book_user_limits l WHERE l.book_id = $5 AND l.user_id = r.user_id), 0) AS used
		FROM distributions d JOIN distribution_rows r ON r.job_id = $2
		WHERE d.job_id = $1 AND r.n > $3 AND r.n <= $4 ORDER BY r.n`,
		run.ID, d.rows(), span.After, span.To, run.BookID).
		Query(func(rows pgx.Rows) (err error) {
			turn.Recipients, err = pgx.CollectRows(rows, pgx.RowToStructByName[coupon.Recipient])
			return err
		})
	err = s.db.SendBatch(ctx, batch).Close()
	if errors.Is(err, pgx.ErrNoRows) {
		err = coupon.ErrBookNotFound
	}
	return turn, err
}

// Handed is what a part of a distribution writes: the gifts and, in their
// order, the coupons taken for them.
type Handed struct {
	Gifts   []coupon.Gift
	Coupons []FreeCoupon
	Expiry  *time.Time // of the coupons given out; nil: they have no end of their own
	Now     time.Time
}

// Hand writes coupons, counters, events, outcomes, stock and progress in one
// round trip. Hold run and stock first.
func (s *Store) Hand(ctx context.Context, run BulkRun, h Handed) error {
	grants, outcomes := h.columns(run)
	batch := &pgx.Batch{}
	queueGrants(batch, run.BookID, h.Now, h.Expiry, grants)
	batch.Queue(`
		WITH given AS (
			SELECT n, array_agg(coupon_id ORDER BY place) AS coupon_ids
			FROM unnest($7::int[], $8::uuid[]) WITH ORDINALITY AS given (n, coupon_id, place) GROUP BY n)
		INSERT INTO job_outcomes (job_id, n, status, user_id, planned, coupon_ids, reason)
		SELECT $1, n, status, user_id, planned, coupon_ids, nullif(reason, '')
		FROM unnest($2::int[], $3::text[], $4::uuid[], $5::int[], $6::text[]) AS o (n, status, user_id, planned, reason)
		LEFT JOIN given USING (n)`,
		run.ID, outcomes.ns, outcomes.statuses, outcomes.users, outcomes.planned, outcomes.reasons, outcomes.givenTo, grants.coupons)
	batch.Queue(`
		UPDATE jobs
		SET processed = processed + $3, succeeded = succeeded + $4, skipped = skipped + $5, failed = failed + $6,
		    heartbeat_at = clock_timestamp()
		WHERE id = $1 AND epoch = $2 AND status = 'running'`,
		run.ID, run.Epoch, len(h.Gifts), outcomes.count(coupon.OutcomeGranted), outcomes.count(coupon.OutcomeSkipped),
		outcomes.count(coupon.OutcomeFailed)).Exec(exactly(1))
	batch.Queue(`UPDATE distributions SET reserved = reserved - $2, granted = granted + $3 WHERE job_id = $1`,
		run.ID, outcomes.promised, len(grants.coupons))
	batch.Queue(`UPDATE book_stock SET free = free - $2, reserved = reserved - $3 WHERE book_id = $1`,
		run.BookID, len(grants.coupons), outcomes.promised).Exec(exactly(1))
	queueProgress(batch, run)
	return s.db.SendBatch(ctx, batch).Close()
}

// queueProgress tells how far a distribution is, at most once a second.
func queueProgress(batch *pgx.Batch, run BulkRun) {
	batch.Queue(`
		WITH due AS (
			UPDATE distributions SET told_at = clock_timestamp()
			WHERE job_id = $1 AND coalesce(told_at < clock_timestamp() - interval '1 second', true) RETURNING granted)
		INSERT INTO events (type, book_id, job_id, actor_id, data, created_at)
		SELECT $2, j.book_id, j.id, j.submitter_id, jsonb_build_object('pool_id', j.pool_id, 'total', j.total, 'processed', j.processed,
		       'succeeded', j.succeeded, 'skipped', j.skipped, 'failed', j.failed, 'coupons', due.granted), clock_timestamp()
		FROM due, jobs j WHERE j.id = $1 AND j.processed < j.total`, run.ID, coupon.DistributionProgress)
}

// outcomeColumns has a row a recipient, and one a coupon in givenTo.
type outcomeColumns struct {
	ns, planned       []int32
	statuses, reasons []string
	users             []uuid.UUID
	givenTo           []int32 // the recipient's number
	promised          int     // coupons that were planned for all of them
}

func (o outcomeColumns) count(status coupon.OutcomeStatus) (n int) {
	for _, s := range o.statuses {
		if s == string(status) {
			n++
		}
	}
	return n
}

func (h Handed) columns(run BulkRun) (grants grantColumns, out outcomeColumns) {
	next := 0
	for _, g := range h.Gifts {
		out.ns, out.planned = append(out.ns, int32(g.N)), append(out.planned, int32(g.Planned))
		out.statuses, out.reasons = append(out.statuses, string(g.Status)), append(out.reasons, string(g.Reason))
		out.users = append(out.users, g.UserID)
		out.promised += g.Planned
		for _, c := range h.Coupons[next : next+g.Coupons] {
			grants.add(c, run.ID, g.UserID, run.SubmitterID)
			out.givenTo = append(out.givenTo, int32(g.N))
		}
		next += g.Coupons
	}
	return grants, out
}

// SkipRest writes everyone who has had no turn down as skipped for a reason.
// Hold the run first.
func (s *Store) SkipRest(ctx context.Context, run BulkRun, d Distribution, reason coupon.OutcomeReason) error {
	if err := s.prepare(ctx, byHash); err != nil {
		return err
	}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO job_outcomes (job_id, n, status, user_id, planned, reason)
		SELECT @job, r.n, 'skipped', r.user_id, `+planned+`, CASE WHEN `+planned+` > 0 THEN @reason ELSE coalesce(r.reason, @not_drawn) END
		FROM distributions d JOIN distribution_rows r ON r.job_id = @rows
		WHERE d.job_id = @job AND d.coupons IS NOT NULL AND r.n > @after`,
		pgx.StrictNamedArgs{"job": run.ID, "rows": d.rows(), "after": run.Processed, "reason": reason, "not_drawn": coupon.NotDrawn})
	if err != nil {
		return err
	}
	return s.Progress(ctx, run, 0, int(tag.RowsAffected()), 0)
}

// Release gives what is still promised to a run back to the stock. Hold the
// stock first.
func (s *Store) Release(ctx context.Context, run BulkRun) error {
	_, err := s.db.Exec(ctx, `
		WITH promised AS (SELECT reserved FROM distributions WHERE job_id = @job_id),
		     freed AS (UPDATE distributions SET reserved = 0 WHERE job_id = @job_id AND reserved > 0)
		UPDATE book_stock SET reserved = book_stock.reserved - promised.reserved FROM promised
		WHERE book_id = @book_id AND promised.reserved > 0`, pgx.StrictNamedArgs{"job_id": run.ID, "book_id": run.BookID})
	return err
}
