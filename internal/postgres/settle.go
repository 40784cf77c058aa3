package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Settlement is what a group's transaction writes: the decisions and, for the
// granted ones in their order, the coupons taken for them.
type Settlement struct {
	BookID  uuid.UUID
	Decided []coupon.Decision
	Coupons []FreeCoupon
	Expiry  *time.Time // of the coupons given out; nil: they have no end of their own
	Rate    *float64   // claims a second that the queue moves on now; nil: not known
	Now     time.Time
}

// still is a guard on locked rows that the planner cannot look into. In plain
// sight it made plans for next to no row in that state, as the statistics of a
// sold-out table say: a scan of the whole table, in a loop, for each group.
func still(state string) string { return `CASE WHEN ` + state + ` THEN true ELSE false END` }

// Settle writes coupons, counters, events and the jobs' ends in one round trip.
func (s *Store) Settle(ctx context.Context, g Settlement) error {
	grants, ends := g.columns()
	batch := &pgx.Batch{}
	queueGrants(batch, g.BookID, g.Now, g.Expiry, grants)
	batch.Queue(`
		UPDATE jobs j
		SET status = CASE WHEN ended.code IS NULL THEN 'succeeded' ELSE 'failed' END,
		    coupon_ids = CASE WHEN ended.code IS NULL THEN ($3::uuid[])[ended.upto - total + 1 : ended.upto] END,
		    error_code = ended.code, error_detail = ended.detail,
		    processed = total,
		    succeeded = CASE WHEN ended.code IS NULL THEN total ELSE 0 END,
		    failed = CASE WHEN ended.code IS NULL THEN 0 ELSE total END,
		    started_at = $2, finished_at = $2
		FROM unnest($1::uuid[], $4::text[], $5::text[], $6::int[]) AS ended (job_id, code, detail, upto)
		WHERE j.id = ended.job_id AND `+still("j.status = 'queued'"),
		ends.jobs, g.Now, grants.coupons, ends.codes, ends.details, ends.upto).Exec(exactly(int64(len(ends.jobs))))
	batch.Queue(`
		INSERT INTO events (type, book_id, job_id, user_id, actor_id, data, created_at)
		SELECT CASE WHEN code IS NULL THEN $1 ELSE $2 END, $3, job_id, user_id, actor_id,
		       CASE WHEN code IS NOT NULL THEN jsonb_build_object('code', code) END, $4
		FROM unnest($5::uuid[], $6::uuid[], $7::uuid[], $8::text[]) AS ended (job_id, user_id, actor_id, code)`,
		coupon.JobSucceeded, coupon.JobFailed, g.BookID, g.Now, ends.jobs, ends.users, ends.actors, ends.codes)
	queueStock(batch, g, len(grants.coupons), ends.refused)
	return s.db.SendBatch(ctx, batch).Close()
}

// queueStock takes from the book's stock what was given out, and moves its queue on.
func queueStock(batch *pgx.Batch, g Settlement, granted, refused int) {
	batch.Queue(`
		UPDATE book_stock
		SET free = free - $2, refused = refused + $3, last_drained = greatest(last_drained, $4), drain_rate = $5, drained_at = $6
		WHERE book_id = $1`,
		g.BookID, granted, refused, g.Decided[len(g.Decided)-1].Seq, g.Rate, g.Now).Exec(exactly(1))
}

// SettleBatch is Settle for the items of one batch, which become the outcomes of
// its job. With a refusal, that is of the whole batch.
func (s *Store) SettleBatch(ctx context.Context, g Settlement, whole *coupon.Error) error {
	grants, ends := g.columns()
	items, users, won := make([]int32, len(g.Decided)), make([]uuid.UUID, len(g.Decided)), make([]int32, len(g.Decided))
	for i, d := range g.Decided {
		items[i], users[i] = int32(d.Item), d.UserID
		if d.Granted() {
			won[i] = int32(d.Count)
		}
	}
	var code, detail *string
	if whole != nil {
		code, detail = &whole.Code, &whole.Message
	}
	first, n := g.Decided[0], len(g.Decided)
	batch := &pgx.Batch{}
	queueGrants(batch, g.BookID, g.Now, g.Expiry, grants)
	batch.Queue(`
		WITH shares AS (
			SELECT item, user_id, won, code, detail, sum(won) OVER (ORDER BY item) AS upto
			FROM unnest($2::int[], $3::uuid[], $4::int[], $6::text[], $7::text[]) AS decided (item, user_id, won, code, detail))
		INSERT INTO job_outcomes (job_id, n, item_id, status, user_id, planned, coupon_ids, reason, detail)
		SELECT $1, d.item, i.item_id, CASE WHEN d.code IS NULL THEN 'granted' ELSE 'failed' END, d.user_id, i.count,
		       CASE WHEN d.code IS NULL THEN ($5::uuid[])[d.upto - d.won + 1 : d.upto] END, d.code, d.detail
		FROM shares d JOIN claim_items i ON i.job_id = $1 AND i.n = d.item`,
		first.JobID, items, users, won, grants.coupons, ends.codes, ends.details).Exec(exactly(int64(n)))
	batch.Queue(`DELETE FROM claim_items WHERE job_id = $1`, first.JobID).Exec(exactly(int64(n)))
	status := coupon.BatchStatus(ends.refused, whole)
	batch.Queue(`
		UPDATE jobs
		SET status = $2, error_code = $3, error_detail = $4, processed = total, succeeded = total - $5, failed = $5, started_at = $6, finished_at = $6
		WHERE id = $1 AND `+still("status = 'queued'"),
		first.JobID, status, code, detail, ends.refused, g.Now).Exec(exactly(1))
	batch.Queue(`
		INSERT INTO events (type, book_id, job_id, actor_id, data, created_at)
		VALUES ($1, $2, $3, $4, CASE WHEN $5::text IS NOT NULL THEN jsonb_build_object('code', $5::text) END, $6)`,
		coupon.JobEnded[status], g.BookID, first.JobID, first.SubmitterID, code, g.Now)
	queueStock(batch, g, len(grants.coupons), ends.refused)
	return s.db.SendBatch(ctx, batch).Close()
}

// queueGrants gives coupons that are held to users, counts them and tells of it.
func queueGrants(batch *pgx.Batch, bookID uuid.UUID, now time.Time, expiry *time.Time, grants grantColumns) {
	n := int64(len(grants.coupons))
	if n == 0 {
		return
	}
	batch.Queue(`
		UPDATE coupons c
		SET state = 'ASSIGNED', user_id = won.user_id, job_id = won.job_id, assigned_at = $4, expires_at = least(c.ends_at, $6),
		    event_seq = won.seq
		FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $5::int[]) AS won (coupon_id, user_id, job_id, seq)
		WHERE c.id = won.coupon_id AND `+still("c.state = 'UNASSIGNED'"),
		grants.coupons, grants.users, grants.jobs, now, grants.seqs, expiry).Exec(exactly(n))
	// Counted from what is granted, a row a user, in the order of users: two
	// groups that share users cannot deadlock, and nobody is counted twice.
	batch.Queue(`
		INSERT INTO book_user_limits AS l (book_id, user_id, used)
		SELECT $1, user_id, count(*) FROM unnest($2::uuid[]) AS won (user_id) GROUP BY user_id ORDER BY user_id
		ON CONFLICT (book_id, user_id) DO UPDATE SET used = l.used + excluded.used`, bookID, grants.users)
	batch.Queue(`
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, created_at)
		SELECT $1, $2, coupon_id, seq, job_id, user_id, actor_id, $3
		FROM unnest($4::uuid[], $5::int[], $6::uuid[], $7::uuid[], $8::uuid[])
		     AS won (coupon_id, seq, job_id, user_id, actor_id)`,
		coupon.CouponAssigned, bookID, now, grants.coupons, grants.seqs, grants.jobs, grants.users, grants.actors)
}

// grantColumns has a row a coupon given out, endColumns one a job ended.
type grantColumns struct {
	coupons, jobs, users, actors []uuid.UUID
	seqs                         []int32 // of the coupon's event
}

func (g *grantColumns) add(c FreeCoupon, job, user, actor uuid.UUID) {
	g.coupons, g.seqs = append(g.coupons, c.ID), append(g.seqs, int32(c.EventSeq+1))
	g.jobs, g.users, g.actors = append(g.jobs, job), append(g.users, user), append(g.actors, actor)
}

type endColumns struct {
	jobs, users, actors []uuid.UUID
	codes, details      []*string
	upto                []int32 // the coupons given out to it and those before
	refused             int
}

func (g Settlement) columns() (grants grantColumns, ends endColumns) {
	next := 0
	for i := range g.Decided {
		d := &g.Decided[i]
		ends.jobs, ends.users = append(ends.jobs, d.JobID), append(ends.users, d.UserID)
		ends.actors = append(ends.actors, d.SubmitterID)
		if !d.Granted() {
			ends.codes, ends.details = append(ends.codes, &d.Refusal.Code), append(ends.details, &d.Refusal.Message)
			ends.upto = append(ends.upto, 0)
			ends.refused++
			continue
		}
		ends.codes, ends.details = append(ends.codes, nil), append(ends.details, nil)
		for _, c := range g.Coupons[next : next+d.Count] {
			grants.add(c, d.JobID, d.UserID, d.SubmitterID)
		}
		next += d.Count
		ends.upto = append(ends.upto, int32(next))
	}
	return grants, ends
}
