package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Span is a part of an upload's rows: those after one up to another.
type Span struct{ After, To int }

// args are what statements about a span of an import need.
func (p Span) args(run BulkRun, more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	more["job"], more["after"], more["to"] = run.ID, p.After, p.To
	return more
}

// RefuseRepeated refuses rows whose code stands in an earlier row of the file.
func (s *Store) RefuseRepeated(ctx context.Context, run BulkRun) error {
	return s.patiently(ctx, byHash, `
		UPDATE import_rows r SET reason = 'duplicate_in_file', detail = 'is the code of line ' || earlier.line || ' too'
		FROM (
			SELECT n, first_value(line) OVER code AS line, row_number() OVER code AS nth
			FROM import_rows WHERE job_id = @job AND reason IS NULL
			WINDOW code AS (PARTITION BY normalised ORDER BY n)) earlier
		WHERE r.job_id = @job AND r.n = earlier.n AND earlier.nth > 1`, pgx.StrictNamedArgs{"job": run.ID})
}

// RefuseKnown refuses rows whose code exists, in the book or elsewhere, and
// not by this import.
func (s *Store) RefuseKnown(ctx context.Context, run BulkRun, span Span) error {
	return s.patiently(ctx, byIndex, `
		UPDATE import_rows r
		SET reason = CASE WHEN c.book_id = @book THEN 'duplicate_in_book' ELSE 'duplicate_elsewhere' END,
		    detail = CASE WHEN c.book_id = @book THEN 'exists in this book already' ELSE 'exists in another book' END
		FROM coupons c
		WHERE r.job_id = @job AND r.n > @after AND r.n <= @to AND r.reason IS NULL AND c.normalised = r.normalised
		  AND c.id <> r.coupon_id`,
		span.args(run, pgx.StrictNamedArgs{"book": run.BookID}))
}

// ResolveHolders finds the users that rows name, and refuses rows that name
// nobody.
func (s *Store) ResolveHolders(ctx context.Context, run BulkRun, span Span) error {
	err := s.patiently(ctx, byIndex, `
		UPDATE import_rows r
		SET user_id = coalesce((SELECT id FROM users WHERE email = r.email), (SELECT id FROM users WHERE external_id = r.external_id))
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL
		  AND user_id IS NULL AND num_nonnulls(email, external_id) > 0`, span.args(run, pgx.StrictNamedArgs{}))
	if err != nil {
		return err
	}
	return s.patiently(ctx, byIndex, `
		UPDATE import_rows r SET reason = 'unknown_user', detail = 'there is no such user: make the account first'
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL
		  AND num_nonnulls(user_id, email, external_id) > 0 AND NOT EXISTS (SELECT FROM users WHERE id = r.user_id)`,
		span.args(run, pgx.StrictNamedArgs{}))
}

// RefuseOverLimit refuses rows whose holder would have more coupons than the
// book allows. Hold the stock first, where the rows are to be added.
func (s *Store) RefuseOverLimit(ctx context.Context, run BulkRun, span Span, limit int) error {
	return s.patiently(ctx, byHash, `
		UPDATE import_rows r SET reason = 'limit_reached', detail = 'the user has as many coupons of the book as one may'
		FROM (
			SELECT n, user_id, row_number() OVER (PARTITION BY user_id ORDER BY n) AS nth
			FROM import_rows
			WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND user_id IS NOT NULL) asked
		LEFT JOIN book_user_limits l ON l.book_id = @book AND l.user_id = asked.user_id
		WHERE r.job_id = @job AND r.n > @after AND r.n <= @to AND r.n = asked.n AND coalesce(l.used, 0) + asked.nth > @limit`,
		span.args(run, pgx.StrictNamedArgs{"book": run.BookID, "limit": limit}))
}

// join says how a statement over a file's rows joins. The planner does not
// know the rows of a new file, takes them for one or two, and may go over all
// of them for each of them.
type join string

const (
	byHash  join = "off" // nested loops are: both sides are read once
	byIndex join = "on"  // and nothing else is: each row is looked up
)

// patiently runs a statement that may go over a whole file, or a whole pool.
func (s *Store) patiently(ctx context.Context, by join, query string, args pgx.StrictNamedArgs) error {
	if err := s.prepare(ctx, by); err != nil {
		return err
	}
	_, err := s.db.Exec(ctx, query, args)
	return err
}

// prepare sets for the rest of the transaction how its statements join, and
// that they may take long.
func (s *Store) prepare(ctx context.Context, by join) error {
	others := byIndex
	if by == byIndex {
		others = byHash
	}
	_, err := s.db.Exec(ctx, `
		SELECT set_config('statement_timeout', '10min', true), set_config('enable_nestloop', @by, true),
		       set_config('enable_hashjoin', @others, true), set_config('enable_mergejoin', @others, true)`,
		pgx.StrictNamedArgs{"by": string(by), "others": string(others)})
	return err
}

// Imported counts what became of a span of rows.
type Imported struct {
	Added   int // or fit to be added
	Held    int // of these, with a holder
	Refused int
}

// CountRows counts a span as it stands.
func (s *Store) CountRows(ctx context.Context, run BulkRun, span Span) (Imported, error) {
	return one[Imported](ctx, s.db, nil, `
		SELECT count(*) FILTER (WHERE reason IS NULL) AS added, count(reason) AS refused,
		       count(*) FILTER (WHERE reason IS NULL AND user_id IS NOT NULL) AS held
		FROM import_rows WHERE job_id = @job AND n > @after AND n <= @to`, span.args(run, pgx.StrictNamedArgs{}))
}

// HasDuplicates reports whether a row was refused because its code is not new.
func (s *Store) HasDuplicates(ctx context.Context, run BulkRun) (found bool, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM import_rows WHERE job_id = @job AND reason LIKE 'duplicate_%')`,
		pgx.StrictNamedArgs{"job": run.ID}).Scan(&found)
	return found, err
}

// NewCoupons says what the coupons of an import get beside their rows.
type NewCoupons struct {
	BatchID        uuid.UUID
	MaxRedemptions int        // where a row says none
	Expiry         *time.Time // of those that have a holder at once, unless the row's is earlier
	Now            time.Time
}

// AddImported makes coupons of the rows of a span that are not refused, and
// returns how many. Fewer than there are such rows: somebody has just added a
// code of theirs.
func (s *Store) AddImported(ctx context.Context, run BulkRun, span Span, in NewCoupons) (int, error) {
	tag, err := s.db.Exec(ctx, `
		INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, max_redemptions, metadata, starts_at, ends_at, expires_at,
		                     state, user_id, job_id, assigned_at, event_seq)
		SELECT coupon_id, @book, @batch, code, normalised, draw_rank, coalesce(max_redemptions, @uses), metadata, starts_at, expires_at,
		       CASE WHEN user_id IS NULL THEN expires_at ELSE least(expires_at, @expiry) END,
		       CASE WHEN user_id IS NULL THEN 'UNASSIGNED' ELSE 'ASSIGNED' END, user_id,
		       CASE WHEN user_id IS NOT NULL THEN @job::uuid END, CASE WHEN user_id IS NOT NULL THEN @now::timestamptz END,
		       CASE WHEN user_id IS NULL THEN 0 ELSE 1 END
		FROM import_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL
		ORDER BY normalised
		ON CONFLICT ON CONSTRAINT coupons_normalised_key DO NOTHING`,
		span.args(run, pgx.StrictNamedArgs{
			"book": run.BookID, "batch": in.BatchID, "uses": in.MaxRedemptions, "expiry": in.Expiry, "now": in.Now,
		}))
	return int(tag.RowsAffected()), err
}

// CountHolders counts the coupons of a span that were added with a holder, and
// tells that they were assigned.
func (s *Store) CountHolders(ctx context.Context, run BulkRun, span Span, now time.Time) error {
	args := span.args(run, pgx.StrictNamedArgs{"book": run.BookID})
	_, err := s.db.Exec(ctx, `
		INSERT INTO book_user_limits AS l (book_id, user_id, used)
		SELECT @book, user_id, count(*) FROM import_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND user_id IS NOT NULL
		GROUP BY user_id ORDER BY user_id
		ON CONFLICT (book_id, user_id) DO UPDATE SET used = l.used + excluded.used`, args)
	if err != nil {
		return err
	}
	args["type"], args["actor"], args["now"] = coupon.CouponAssigned, run.SubmitterID, now
	_, err = s.db.Exec(ctx, `
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, created_at)
		SELECT @type, @book, coupon_id, 1, @job, user_id, @actor, @now
		FROM import_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND user_id IS NOT NULL`, args)
	return err
}

// TellRefused writes the refused rows of a span into the job's outcomes.
func (s *Store) TellRefused(ctx context.Context, run BulkRun, span Span) error {
	return s.patiently(ctx, byIndex, `
		INSERT INTO job_outcomes (job_id, n, line, code, reason, detail)
		SELECT job_id, n, line, code, reason, detail FROM import_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NOT NULL`, span.args(run, pgx.StrictNamedArgs{}))
}
