package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Finding is what one check of Verify saw.
type Finding struct {
	Check     string // what must hold
	Checked   int64  // how many things it looked at
	Anomalies int64  // how many of them break it
	Sample    string // one of those, when there are any
}

// check is a statement that yields checked, anomalies and a sample.
type check struct{ name, sql string }

// verdict counts the rows of a query that has a column wrong (boolean) and a
// column what (text).
func verdict(rows string) string {
	return `SELECT count(*) AS checked, count(*) FILTER (WHERE wrong) AS anomalies,
		coalesce(min(what) FILTER (WHERE wrong), '') AS sample FROM (` + rows + `) AS looked`
}

// history walks over each coupon's events by the transitions that package
// coupon allows, and compares where they lead with where the coupon is.
func history() string {
	var allowed, after []string
	for _, move := range coupon.Transitions() {
		allowed = append(allowed, fmt.Sprintf("('%s', '%s')", move[0], move[1]))
	}
	for event, state := range coupon.StateAfter {
		after = append(after, fmt.Sprintf("WHEN '%s' THEN '%s'", event, state))
	}
	slices.Sort(allowed)
	slices.Sort(after)
	return verdict(`
		WITH steps AS (
			SELECT coupon_id, coupon_seq, type, CASE type ` + strings.Join(after, " ") + ` ELSE data ->> 'to' END AS state
			FROM events WHERE coupon_id IS NOT NULL),
		walked AS (
			SELECT *, lag(state, 1, 'UNASSIGNED') OVER path AS before,
			       row_number() OVER (PARTITION BY coupon_id ORDER BY coupon_seq DESC) = 1 AS last
			FROM steps WINDOW path AS (PARTITION BY coupon_id ORDER BY coupon_seq))
		SELECT (((before, state) IN (` + strings.Join(allowed, ", ") + `)
		         OR before = state AND type IN ('coupon.lock_extended', 'coupon.redeemed', 'coupon.rolled_back', 'coupon.disabled', 'coupon.enabled'))
		        AND (NOT last OR state = (SELECT c.state FROM coupons c WHERE c.id = coupon_id))) IS NOT TRUE AS wrong,
		       'coupon ' || coupon_id AS what
		FROM walked`)
}

// checks are the promises of the product, each as a question to its tables.
var checks = []check{
	{"every coupon came to its state by steps that are allowed", history()},
	{"coupons and the jobs that assigned them agree", verdict(`
		SELECT CASE j.kind WHEN 'import_codes' THEN t.id IS NULL WHEN 'distribution' THEN given.coupon_id IS NULL
		       WHEN 'claim_batch' THEN given.coupon_id IS NULL
		       ELSE (j.status = 'succeeded' AND c.id = ANY(j.coupon_ids) AND c.user_id = j.user_id AND c.book_id = j.book_id)
		            IS NOT TRUE END AS wrong, 'coupon ' || c.id AS what
		FROM coupons c LEFT JOIN jobs j ON j.id = c.job_id LEFT JOIN code_batches t ON t.id = c.batch_id AND t.job_id = j.id
		LEFT JOIN (SELECT job_id, user_id, coupon_id FROM job_outcomes CROSS JOIN unnest(coupon_ids) AS coupon_id) given
		       ON given.coupon_id = c.id AND given.job_id = j.id AND given.user_id = c.user_id
		WHERE c.job_id IS NOT NULL`)},
	{"granted coupons went to who was granted them", verdict(`
		SELECT (SELECT count(*) FROM events e WHERE e.coupon_id = granted.coupon_id AND e.type = 'coupon.assigned'
		        AND e.job_id = j.id AND e.user_id = j.user_id) <> 1 AS wrong, 'job ' || j.id AS what
		FROM jobs j CROSS JOIN unnest(j.coupon_ids) AS granted (coupon_id)`)},
	{"coupons of distributions and batches went to whom their outcomes say", verdict(`
		SELECT coalesce(told.n, 0) <> 1 AS wrong, 'job ' || given.job_id || ' coupon ' || given.coupon_id AS what
		FROM (SELECT job_id, user_id, coupon_id FROM job_outcomes CROSS JOIN unnest(coupon_ids) AS coupon_id) given LEFT JOIN (
			SELECT job_id, user_id, coupon_id, count(*) AS n FROM events WHERE type = 'coupon.assigned' GROUP BY job_id, user_id, coupon_id
		) told USING (job_id, user_id, coupon_id)`)},
	{"the outcomes of a distribution add up", verdict(`
		SELECT (j.succeeded, j.skipped, j.failed, d.granted)
		       <> (coalesce(o.granted, 0), coalesce(o.skipped, 0), coalesce(o.failed, 0), coalesce(o.coupons, 0))
		       OR o.twice > 0 OR j.finished_at IS NOT NULL AND d.reserved > 0
		       OR j.status IN ('succeeded', 'partially_succeeded') AND (j.processed, j.total) <> (d.members, d.members)
		       OR j.status = 'canceled' AND d.coupons IS NOT NULL AND j.processed <> d.members AS wrong, 'job ' || j.id AS what
		FROM distributions d JOIN jobs j ON j.id = d.job_id LEFT JOIN (
			SELECT job_id, count(*) FILTER (WHERE status = 'granted') AS granted, count(*) FILTER (WHERE status = 'skipped') AS skipped,
			       count(*) FILTER (WHERE status = 'failed') AS failed, coalesce(sum(cardinality(coupon_ids)), 0) AS coupons,
			       count(*) - count(DISTINCT user_id) AS twice
			FROM job_outcomes WHERE user_id IS NOT NULL AND status <> 'left' GROUP BY job_id
		) o ON o.job_id = d.job_id
		WHERE NOT d.dry_run`)},
	{"what is promised to distributions is counted in the stock", verdict(`
		SELECT s.reserved <> coalesce(promised.n, 0) AS wrong, 'book ' || s.book_id AS what
		FROM book_stock s LEFT JOIN (
			SELECT j.book_id, sum(d.reserved) AS n FROM distributions d JOIN jobs j ON j.id = d.job_id GROUP BY j.book_id
		) promised ON promised.book_id = s.book_id`)},
	{"pools count their members", verdict(`
		SELECT p.members <> coalesce(m.n, 0) AS wrong, 'pool ' || p.id AS what
		FROM pools p LEFT JOIN (SELECT pool_id, count(*) AS n FROM pool_members GROUP BY pool_id) m ON m.pool_id = p.id
		WHERE p.deleted_at IS NULL`)},
	{"what was delivered was answered, and every attempt is in the log", verdict(`
		SELECT d.attempts <> coalesce(a.n, 0) OR a.n <> a.different OR d.status = 'succeeded' AND coalesce(a.fine, 0) = 0 AS wrong,
		       'delivery ' || d.id AS what
		FROM webhook_deliveries d LEFT JOIN (
			SELECT delivery_id, max(n) AS n, count(DISTINCT n) AS different, count(*) FILTER (WHERE error IS NULL AND status_code BETWEEN 200 AND 299) AS fine
			FROM webhook_attempts GROUP BY delivery_id
		) a ON a.delivery_id = d.id`)},
	{"every claim that ended has exactly one outcome", verdict(`
		SELECT coalesce(cardinality(coupon_ids), 0) <> CASE status WHEN 'succeeded' THEN total ELSE 0 END
		       OR (error_code IS NULL) <> (status IN ('succeeded', 'canceled')) AS wrong, 'job ' || id AS what
		FROM jobs WHERE user_id IS NOT NULL AND finished_at IS NOT NULL`)},
	{"every item of a batch of claims has exactly one outcome", verdict(`
		SELECT CASE WHEN j.status = 'queued' THEN (coalesce(i.n, 0), coalesce(o.n, 0)) <> (j.total, 0)
		            WHEN j.status = 'canceled' THEN (coalesce(i.n, 0), coalesce(o.n, 0)) <> (0, 0)
		            ELSE (coalesce(i.n, 0), coalesce(o.n, 0), coalesce(o.granted, 0), coalesce(o.failed, 0)) <> (0, j.total, j.succeeded, j.failed)
		                 OR o.coupons <> coalesce(given.n, 0) END AS wrong, 'job ' || j.id AS what
		FROM jobs j LEFT JOIN (SELECT job_id, count(*) AS n FROM claim_items GROUP BY job_id) i ON i.job_id = j.id LEFT JOIN (
			SELECT job_id, count(*) AS n, count(*) FILTER (WHERE status = 'granted') AS granted, count(*) FILTER (WHERE status = 'failed') AS failed,
			       coalesce(sum(planned) FILTER (WHERE status = 'granted'), 0) AS coupons
			FROM job_outcomes GROUP BY job_id
		) o ON o.job_id = j.id LEFT JOIN (
			SELECT e.job_id, count(*) AS n FROM events e JOIN jobs b ON b.id = e.job_id AND b.kind = 'claim_batch'
			WHERE e.type = 'coupon.assigned' GROUP BY e.job_id
		) given ON given.job_id = j.id
		WHERE j.kind = 'claim_batch'`)},
	{"every job that ended has told so exactly once", verdict(`
		SELECT coalesce(told.n, 0) <> CASE WHEN j.finished_at IS NULL THEN 0 ELSE 1 END AS wrong, 'job ' || j.id AS what
		FROM jobs j LEFT JOIN ( -- a job that is retried takes its end back
			SELECT job_id, sum(CASE type WHEN 'job.retried' THEN -1 ELSE 1 END) AS n FROM events
			WHERE type IN ('job.succeeded', 'job.partially_succeeded', 'job.failed', 'job.canceled', 'job.retried') GROUP BY job_id
		) told ON told.job_id = j.id`)},
	{"users' counters equal their coupons", verdict(`
		SELECT coalesce(l.used, 0) <> coalesce(held.n, 0) AS wrong,
		       'book ' || coalesce(l.book_id, held.book_id) || ' user ' || coalesce(l.user_id, held.user_id) AS what
		FROM book_user_limits l FULL JOIN (
			SELECT book_id, user_id, count(*) AS n FROM coupons WHERE user_id IS NOT NULL GROUP BY book_id, user_id
		) held USING (book_id, user_id)`)},
	{"no user got more than his book's limit", verdict(`
		SELECT count(*) > b.max_assignments_per_user AND max(c.assigned_at) > b.limit_since AS wrong,
		       'book ' || c.book_id || ' user ' || c.user_id AS what
		FROM coupons c JOIN books b ON b.id = c.book_id
		WHERE c.user_id IS NOT NULL AND b.max_assignments_per_user IS NOT NULL
		GROUP BY c.book_id, c.user_id, b.max_assignments_per_user, b.limit_since`)},
	{"every transition of a coupon has its event, without a gap", verdict(`
		SELECT (c.event_seq = told.n AND told.first = 1 AND told.last = told.n) IS NOT TRUE AS wrong, 'coupon ' || c.id AS what
		FROM coupons c LEFT JOIN (
			SELECT coupon_id, count(*) AS n, min(coupon_seq) AS first, max(coupon_seq) AS last
			FROM events WHERE coupon_id IS NOT NULL GROUP BY coupon_id
		) told ON told.coupon_id = c.id
		WHERE c.event_seq > 0 OR c.state NOT IN ('UNASSIGNED', 'EXPIRED') OR told.n > 0`)},
	{"only coupons whose time is over are expired", verdict(`
		SELECT (least(b.ends_at, c.expires_at) <= clock_timestamp()) IS NOT TRUE AS wrong, 'coupon ' || c.id AS what
		FROM coupons c JOIN books b ON b.id = c.book_id WHERE c.state = 'EXPIRED'`)},
	{"assigned coupons went to whom the job named", verdict(`
		SELECT j.status = 'succeeded' AND j.coupon_ids <> ARRAY[j.coupon_id] AS wrong, 'job ' || j.id AS what
		FROM jobs j WHERE j.kind = 'assign'`)},
	{"statistics count what the coupons say", verdict(`
		SELECT (coalesce(s.locked, 0), coalesce(s.redeemed, 0), coalesce(s.expired, 0), coalesce(s.void, 0),
		        coalesce(s.made, 0), coalesce(s.back, 0))
		       <> (coalesce(c.locked, 0), coalesce(c.redeemed, 0), coalesce(c.expired, 0), coalesce(c.void, 0),
		           coalesce(r.made, 0), coalesce(r.back, 0)) AS wrong, 'book ' || b.id AS what
		FROM books b LEFT JOIN (
			SELECT book_id, sum(locked) AS locked, sum(redeemed) AS redeemed, sum(expired) AS expired, sum(void) AS void,
			       sum(redemptions) AS made, sum(rollbacks) AS back
			FROM book_stats GROUP BY book_id
		) s ON s.book_id = b.id LEFT JOIN (
			SELECT book_id, count(*) FILTER (WHERE state = 'LOCKED') AS locked, count(*) FILTER (WHERE state = 'REDEEMED') AS redeemed,
			       count(*) FILTER (WHERE state = 'EXPIRED') AS expired, count(*) FILTER (WHERE state = 'VOID') AS void
			FROM coupons GROUP BY book_id
		) c ON c.book_id = b.id LEFT JOIN (
			SELECT book_id, count(*) FILTER (WHERE rolls_back IS NULL) AS made, count(rolls_back) AS back
			FROM redemptions GROUP BY book_id
		) r ON r.book_id = b.id`)},
	{"activity counts what the events say", verdict(`
		SELECT (counted.granted, counted.refused, counted.redeemed, counted.rolled_back)
		       IS DISTINCT FROM (told.granted, told.refused, told.redeemed, told.rolled_back) AS wrong,
		       'book ' || book_id || ' hour ' || hour AS what
		FROM book_activity counted FULL JOIN (` + activityOf(`xact <= (SELECT xact FROM activity_cursor)`) + `) told USING (book_id, hour)`)},
	{"stock counts what the coupons say", verdict(`
		SELECT (s.total, s.free, s.disabled) <> (coalesce(made.total, 0), coalesce(made.free, 0), coalesce(made.disabled, 0)) AS wrong,
		       'book ' || s.book_id AS what
		FROM book_stock s LEFT JOIN (
			SELECT book_id, count(*) AS total, count(*) FILTER (WHERE state = 'UNASSIGNED' AND disabled_at IS NULL) AS free,
			       count(*) FILTER (WHERE state = 'UNASSIGNED' AND disabled_at IS NOT NULL) AS disabled
			FROM coupons GROUP BY book_id
		) made ON made.book_id = s.book_id`)},
	{"coupons are disabled as their events say", verdict(`
		SELECT (c.disabled_at IS NOT NULL) <> (coalesce(told.type, '') = 'coupon.disabled') AS wrong, 'coupon ' || c.id AS what
		FROM coupons c LEFT JOIN (
			SELECT DISTINCT ON (coupon_id) coupon_id, type
			FROM events WHERE type IN ('coupon.disabled', 'coupon.enabled') ORDER BY coupon_id, coupon_seq DESC
		) told ON told.coupon_id = c.id
		WHERE c.disabled_at IS NOT NULL OR told.coupon_id IS NOT NULL`)},
	{"coupons count their redemptions", verdict(`
		SELECT c.redemptions <> coalesce(r.uses, 0) OR coalesce(r.made, 0) <> coalesce(told.made, 0)
		       OR coalesce(r.back, 0) <> coalesce(told.back, 0) AS wrong, 'coupon ' || c.id AS what
		FROM coupons c LEFT JOIN (
			SELECT coupon_id, count(*) FILTER (WHERE rolls_back IS NULL) AS made, count(rolls_back) AS back,
			       count(*) - 2 * count(rolls_back) AS uses
			FROM redemptions GROUP BY coupon_id
		) r ON r.coupon_id = c.id LEFT JOIN (
			SELECT coupon_id, count(*) FILTER (WHERE type = 'coupon.redeemed') AS made,
			       count(*) FILTER (WHERE type = 'coupon.rolled_back') AS back
			FROM events WHERE type IN ('coupon.redeemed', 'coupon.rolled_back') GROUP BY coupon_id
		) told ON told.coupon_id = c.id
		WHERE c.redemptions > 0 OR r.coupon_id IS NOT NULL OR told.coupon_id IS NOT NULL`)},
	{"users' counters equal their redemptions", verdict(`
		SELECT coalesce(l.redeemed, 0) <> coalesce(r.uses, 0) AS wrong,
		       'book ' || coalesce(l.book_id, r.book_id) || ' user ' || coalesce(l.user_id, r.user_id) AS what
		FROM book_user_limits l FULL JOIN (
			SELECT book_id, user_id, count(*) - 2 * count(rolls_back) AS uses FROM redemptions GROUP BY book_id, user_id
		) r USING (book_id, user_id)`)},
	{"rollbacks fit the redemptions they take back", verdict(`
		SELECT (used.rolls_back IS NULL AND used.coupon_id = back.coupon_id AND used.user_id = back.user_id
		        AND used.redeemed_at <= back.redeemed_at) IS NOT TRUE AS wrong, 'redemption ' || back.id AS what
		FROM redemptions back LEFT JOIN redemptions used ON used.id = back.rolls_back WHERE back.rolls_back IS NOT NULL`)},
	{"refusals are counted as they are", verdict(`
		SELECT s.refused <> coalesce(ended.n, 0) AS wrong, 'book ' || s.book_id AS what
		FROM book_stock s LEFT JOIN (
			SELECT book_id, sum(CASE WHEN kind = 'claim_batch' THEN failed ELSE 1 END) AS n
			FROM jobs WHERE seq IS NOT NULL AND failed > 0 GROUP BY book_id
		) ended ON ended.book_id = s.book_id`)},
	{"claims were decided in the order of acceptance", verdict(`
		SELECT finished_at < max(finished_at) OVER (PARTITION BY book_id ORDER BY seq
		       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS wrong, 'job ' || id AS what
		FROM jobs WHERE seq IS NOT NULL AND finished_at IS NOT NULL AND status <> 'canceled'`)},
	{"every claim has its own place in its book's queue", verdict(`
		SELECT count(*) OVER (PARTITION BY j.book_id, j.seq) > 1 OR j.seq NOT BETWEEN 1 AND coalesce(q.last_seq, 0) AS wrong,
		       'job ' || j.id AS what
		FROM jobs j LEFT JOIN book_queues q ON q.book_id = j.book_id WHERE j.seq IS NOT NULL`)},
	{"no claim of an active book waits longer than a minute", verdict(`
		SELECT greatest(j.created_at, b.updated_at) < clock_timestamp() - interval '1 minute' AS wrong, 'job ' || j.id AS what
		FROM jobs j JOIN books b ON b.id = j.book_id
		WHERE j.seq IS NOT NULL AND j.status = 'queued' AND b.status = 'active'`)},
	{"batches count their codes", verdict(`
		SELECT (t.codes = coalesce(made.n, 0)) IS NOT TRUE AS wrong, 'batch ' || coalesce(t.id, made.batch_id) AS what
		FROM code_batches t FULL JOIN (SELECT batch_id, count(*) AS n FROM coupons GROUP BY batch_id) made ON made.batch_id = t.id`)},
	{"jobs made exactly as many codes as they count", verdict(`
		SELECT j.succeeded <> coalesce(made.n, 0) AND j.params->'dry_run' IS DISTINCT FROM 'true'
		       OR j.status = 'succeeded' AND j.succeeded <> j.total AS wrong, 'job ' || j.id AS what
		FROM jobs j LEFT JOIN code_batches t ON t.job_id = j.id LEFT JOIN (
			SELECT batch_id, count(*) AS n FROM coupons GROUP BY batch_id) made ON made.batch_id = t.id
		WHERE j.kind IN ('generate_codes', 'import_codes')`)},
	{"jobs name books, pools and users that exist", verdict(`
		SELECT j.book_id IS NOT NULL AND b.id IS NULL OR j.pool_id IS NOT NULL AND p.id IS NULL OR s.id IS NULL
		       OR j.user_id IS NOT NULL AND u.id IS NULL AS wrong, 'job ' || j.id AS what
		FROM jobs j LEFT JOIN books b ON b.id = j.book_id LEFT JOIN pools p ON p.id = j.pool_id
		LEFT JOIN users s ON s.id = j.submitter_id LEFT JOIN users u ON u.id = j.user_id`)},
}

// Verify asks every check, all of them of one moment. It only reads.
func (s *Store) Verify(ctx context.Context) ([]Finding, error) {
	var findings []Finding
	err := s.InTx(ctx, func(tx *Store) error {
		_, err := tx.db.Exec(ctx, `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
		if err != nil {
			return err
		}
		// Whole tables are compared, so that hashing them is right, also just after a
		// large job, when Postgres still takes its tables for small ones.
		if _, err = tx.db.Exec(ctx, `SET LOCAL statement_timeout = 0; SET LOCAL enable_nestloop = off; SET LOCAL jit = off`); err != nil {
			return err
		}
		for _, c := range checks {
			row, err := one[struct {
				Checked, Anomalies int64
				Sample             string
			}](ctx, tx.db, nil, c.sql, pgx.StrictNamedArgs{})
			if err != nil {
				return fmt.Errorf("check that %s: %w", c.name, err)
			}
			findings = append(findings, Finding{c.name, row.Checked, row.Anomalies, row.Sample})
		}
		return nil
	})
	return findings, err
}
