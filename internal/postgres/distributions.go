package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Distribution is a distribution as it was asked for and as far as it is planned.
type Distribution struct {
	JobID      uuid.UUID
	PlanID     *uuid.UUID // the dry run whose plan it carries out
	Mode       coupon.DistributionMode
	PerUser    int
	Count      int
	OnShortage coupon.OnShortage
	DryRun     bool
	Members    *int   // of the pool when it was snapshotted; nil: it was not yet
	Hash       []byte // of who they are
	Coupons    *int   // planned in all; nil: not planned yet
	Level      *int
	Extras     *int
	LastDraw   *uuid.UUID // of the extras; nil: not drawn yet
	LastN      *int
	Reserved   int // coupons of the stock still promised
	Granted    int // coupons given out
}

// Terms are what was asked for.
func (d Distribution) Terms() coupon.DistributionTerms {
	return coupon.DistributionTerms{Mode: d.Mode, PerUser: d.PerUser, Count: d.Count, OnShortage: d.OnShortage}
}

// rows is the job that has the snapshot.
func (d Distribution) rows() uuid.UUID {
	if d.PlanID != nil {
		return *d.PlanID
	}
	return d.JobID
}

const distributionColumns = `job_id, plan_id, mode, per_user, count, on_shortage, dry_run, members, hash, coupons, level, extras,
	last_draw, last_n, reserved, granted`

// planned is how many coupons a row r gets by the plan of a distribution d.
const planned = `(least(r.capacity, d.level) + CASE WHEN r.capacity > d.level AND (r.draw, r.n) <= (d.last_draw, d.last_n) THEN 1 ELSE 0 END)`

// AddDistribution stores what was asked for, with its job. It fails with
// ErrPlanUsed when another one carries the plan out.
func (s *Store) AddDistribution(ctx context.Context, d Distribution) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO distributions (job_id, plan_id, mode, per_user, count, on_shortage, dry_run, members, hash, coupons, level, extras,
		                           last_draw, last_n)
		VALUES (@job_id, @plan_id, @mode, @per_user, @count, @on_shortage, @dry_run, @members, @hash, @coupons, @level, @extras,
		        @last_draw, @last_n)`,
		pgx.StrictNamedArgs{
			"job_id": d.JobID, "plan_id": d.PlanID, "mode": d.Mode, "per_user": d.PerUser, "count": d.Count,
			"on_shortage": d.OnShortage, "dry_run": d.DryRun, "members": d.Members, "hash": d.Hash, "coupons": d.Coupons,
			"level": d.Level, "extras": d.Extras, "last_draw": d.LastDraw, "last_n": d.LastN,
		})
	if violates(err, "distributions_plan_id_key") {
		return coupon.ErrPlanUsed
	}
	return err
}

// Distribution returns a distribution, or ErrPlanNotFound.
func (s *Store) Distribution(ctx context.Context, jobID uuid.UUID) (Distribution, error) {
	return one[Distribution](ctx, s.db, coupon.ErrPlanNotFound,
		`SELECT `+distributionColumns+` FROM distributions WHERE job_id = @job_id`, pgx.StrictNamedArgs{"job_id": jobID})
}

// Snapshot stores who the members of the run's pool are, what each can take of
// its book, why that is less than the terms have for him, and a random draw for
// each. It can take seconds for a large pool, and needs neither the run's row
// nor the book's stock.
func (s *Store) Snapshot(ctx context.Context, run BulkRun, terms coupon.DistributionTerms) error {
	return s.patiently(ctx, byHash, `
		INSERT INTO distribution_rows (job_id, n, user_id, capacity, draw, reason)
		SELECT @job, row_number() OVER (ORDER BY user_id), user_id, CASE WHEN disabled THEN 0 ELSE greatest(0, least(@most, room)) END,
		       gen_random_uuid(), CASE WHEN disabled THEN @disabled WHEN room < greatest(1, @each::int) THEN @limited END
		FROM (
			SELECT m.user_id, u.disabled_at IS NOT NULL AS disabled, b.max_assignments_per_user - coalesce(l.used, 0) AS room
			FROM pools p CROSS JOIN books b JOIN pool_members m ON m.pool_id = p.id JOIN users u ON u.id = m.user_id
			LEFT JOIN book_user_limits l ON l.book_id = b.id AND l.user_id = m.user_id
			WHERE p.id = @pool AND p.deleted_at IS NULL AND b.id = @book) AS asked`,
		pgx.StrictNamedArgs{
			"job": run.ID, "pool": run.PoolID, "book": run.BookID, "most": terms.MostEach(), "each": terms.PerUser,
			"disabled": coupon.UserDisabled, "limited": coupon.RowLimitReached,
		})
}

// CountSnapshot notes how many the members are, and who. Hold the run first.
func (s *Store) CountSnapshot(ctx context.Context, run BulkRun) (Distribution, error) {
	return one[Distribution](ctx, s.db, nil, `
		UPDATE distributions SET members = counted.n, hash = counted.digest
		FROM (SELECT count(*) AS n, sha256(coalesce(string_agg(uuid_send(user_id), ''::bytea ORDER BY user_id), '')) AS digest
		      FROM distribution_rows WHERE job_id = @job_id) AS counted
		WHERE job_id = @job_id RETURNING `+distributionColumns, pgx.StrictNamedArgs{"job_id": run.ID})
}

// Capacities counts the recipients of a snapshot by what they can take.
func (s *Store) Capacities(ctx context.Context, jobID uuid.UUID) ([]coupon.Capacity, error) {
	return all[coupon.Capacity](ctx, s.db, `
		SELECT capacity AS each, count(*) AS recipients FROM distribution_rows WHERE job_id = @job_id GROUP BY capacity`,
		pgx.StrictNamedArgs{"job_id": jobID})
}

// Stock returns how many coupons of a book are free and not promised, but to
// the run itself. Those whose own end has passed are not free any more, though
// no sweeper has written that down.
func (s *Store) Stock(ctx context.Context, run BulkRun) (free int, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT s.free - s.reserved + d.reserved - (
		           SELECT count(*) FROM coupons c
		           WHERE c.expires_at <= clock_timestamp() AND c.state = 'UNASSIGNED' AND c.disabled_at IS NULL AND c.book_id = s.book_id)
		FROM book_stock s, distributions d WHERE s.book_id = @book_id AND d.job_id = @job_id`,
		pgx.StrictNamedArgs{"book_id": run.BookID, "job_id": run.ID}).Scan(&free)
	return free, err
}

// SetDeal notes what was decided.
func (s *Store) SetDeal(ctx context.Context, run BulkRun, deal coupon.Deal) error {
	_, err := s.db.Exec(ctx, `UPDATE distributions SET coupons = @coupons, level = @level, extras = @extras WHERE job_id = @job_id`,
		pgx.StrictNamedArgs{"job_id": run.ID, "coupons": deal.Coupons, "level": deal.Level, "extras": deal.Extras})
	return err
}

// Reserve promises the coupons of the plan to the run. Hold the stock first.
func (s *Store) Reserve(ctx context.Context, run BulkRun) error {
	_, err := s.db.Exec(ctx, `
		WITH promised AS (UPDATE distributions SET reserved = coupons WHERE job_id = @job_id RETURNING reserved)
		UPDATE book_stock SET reserved = book_stock.reserved + promised.reserved FROM promised WHERE book_id = @book_id`,
		pgx.StrictNamedArgs{"job_id": run.ID, "book_id": run.BookID})
	return err
}

// ReserveRest promises to a run that goes on what the plan still has for
// recipients who had no turn, if the stock has that many. Hold the stock first.
func (s *Store) ReserveRest(ctx context.Context, run BulkRun) (bool, error) {
	tag, err := s.db.Exec(ctx, `
		WITH rest AS (
			SELECT coalesce(sum(`+planned+`), 0)::int AS n
			FROM distributions d JOIN distribution_rows r ON r.job_id = coalesce(d.plan_id, d.job_id)
			WHERE d.job_id = @job_id AND d.coupons IS NOT NULL AND NOT d.dry_run AND r.n > @processed),
		stock AS (
			UPDATE book_stock SET reserved = book_stock.reserved + rest.n FROM rest
			WHERE book_id = @book_id AND free - book_stock.reserved >= rest.n RETURNING rest.n)
		UPDATE distributions SET reserved = stock.n FROM stock WHERE job_id = @job_id`,
		pgx.StrictNamedArgs{"job_id": run.ID, "book_id": run.BookID, "processed": run.Processed})
	return tag.RowsAffected() == 1, err
}

// DrawExtras draws who gets one more.
func (s *Store) DrawExtras(ctx context.Context, run BulkRun) error {
	return s.patiently(ctx, byHash, `
		UPDATE distributions d SET last_draw = last.draw, last_n = last.n
		FROM (SELECT draw, n FROM distribution_rows r
		      WHERE job_id = @job_id AND capacity > (SELECT level FROM distributions WHERE job_id = @job_id)
		      ORDER BY draw, n OFFSET (SELECT extras - 1 FROM distributions WHERE job_id = @job_id) LIMIT 1) AS last
		WHERE d.job_id = @job_id`, pgx.StrictNamedArgs{"job_id": run.ID})
}

// PlanSummary is what a plan comes to.
type PlanSummary struct {
	Gets    json.RawMessage // how many recipients get how many coupons
	Reasons json.RawMessage // how many get none, or less than the terms have for them, by reason
	Served  int             // recipients who get some
}

// SummarisePlan counts what a plan comes to.
func (s *Store) SummarisePlan(ctx context.Context, jobID uuid.UUID) (PlanSummary, error) {
	return one[PlanSummary](ctx, s.db, nil, `
		WITH planned AS (
			SELECT `+planned+` AS coupons, CASE WHEN `+planned+` = 0 THEN coalesce(reason, @not_drawn) ELSE reason END AS reason, count(*) AS n
			FROM distributions d JOIN distribution_rows r ON r.job_id = coalesce(d.plan_id, d.job_id)
			WHERE d.job_id = @job_id GROUP BY 1, 2),
		gets AS (SELECT coupons, sum(n)::bigint AS n FROM planned WHERE coupons > 0 GROUP BY coupons)
		SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('coupons', coupons, 'recipients', n) ORDER BY coupons DESC), '[]') FROM gets) AS gets,
		       (SELECT coalesce(jsonb_object_agg(reason, n), '{}')
		        FROM (SELECT reason, sum(n)::bigint AS n FROM planned WHERE reason IS NOT NULL GROUP BY reason) AS less) AS reasons,
		       (SELECT coalesce(sum(n), 0)::bigint FROM gets) AS served`,
		pgx.StrictNamedArgs{"job_id": jobID, "not_drawn": coupon.NotDrawn})
}

// Drift is why a plan cannot be carried out as it is any more.
type Drift struct {
	PoolChanged bool
	Unfit       int // recipients who cannot take any more what is planned for them
}

// PlanDrift compares a run's plan with its pool and its recipients as they are.
func (s *Store) PlanDrift(ctx context.Context, run BulkRun) (Drift, error) {
	if err := s.prepare(ctx, byHash); err != nil {
		return Drift{}, err
	}
	return one[Drift](ctx, s.db, nil, `
		SELECT d.hash <> (
		           SELECT sha256(coalesce(string_agg(uuid_send(user_id), ''::bytea ORDER BY user_id), ''))
		           FROM pool_members m JOIN pools p ON p.id = m.pool_id WHERE p.id = @pool AND p.deleted_at IS NULL) AS pool_changed,
		       (SELECT count(*)
		        FROM distribution_rows r JOIN users u ON u.id = r.user_id
		        LEFT JOIN book_user_limits l ON l.book_id = b.id AND l.user_id = r.user_id
		        WHERE r.job_id = d.plan_id AND `+planned+` > 0
		          AND (u.disabled_at IS NOT NULL OR coalesce(l.used, 0) + `+planned+` > b.max_assignments_per_user)) AS unfit
		FROM distributions d JOIN books b ON b.id = @book
		WHERE d.job_id = @job`, pgx.StrictNamedArgs{"job": run.ID, "pool": run.PoolID, "book": run.BookID})
}

// PlannedOutcomes lists what a plan has for each recipient, in their order.
func (s *Store) PlannedOutcomes(ctx context.Context, jobID uuid.UUID, f coupon.OutcomeFilter, limit int) ([]coupon.Outcome, error) {
	return all[coupon.Outcome](ctx, s.db, `
		SELECT n, NULL::text AS item_id, NULL::integer AS line, status, NULL::text AS code, user_id, coalesce(u.email, u.external_id) AS user, planned,
		       CASE WHEN planned = 0 THEN coalesce(reason, @not_drawn) ELSE reason END AS reason, NULL::text AS detail, NULL::jsonb AS coupons
		FROM (SELECT r.n, r.user_id, r.reason, `+planned+` AS planned, CASE WHEN `+planned+` > 0 THEN 'planned' ELSE 'skipped' END AS status
		      FROM distributions d JOIN distribution_rows r ON r.job_id = d.job_id
		      WHERE d.job_id = @job_id AND d.coupons IS NOT NULL AND r.n > @after) AS plan
		JOIN users u ON u.id = user_id
		WHERE @status::text IS NULL OR status = @status
		ORDER BY n LIMIT @limit`,
		pgx.StrictNamedArgs{"job_id": jobID, "after": f.After, "status": f.Status, "limit": limit, "not_drawn": coupon.NotDrawn})
}
