package torture

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/postgres"
)

// found is a job as the database has it.
type found struct {
	ID      uuid.UUID
	Status  string
	Error   *string
	Coupons []uuid.UUID
}

// check compares what clients were promised with what the database and the
// webhook receiver have. It returns everything that is wrong.
func check(ctx context.Context, r *rig, l *load, hooks *receiver) (wrong []string, err error) {
	wrong = slices.Clone(l.ledger.wrong)
	for _, look := range []func(context.Context, *rig, *load, *receiver) ([]string, error){
		checkJobs, checkWinners, checkRedemptions, checkRuns, checkMessages, checkDatabase,
	} {
		found, err := look(ctx, r, l, hooks)
		if err != nil {
			return wrong, err
		}
		wrong = append(wrong, found...)
	}
	return wrong, nil
}

// checkJobs: every job that was accepted is there once, has ended, and has ended
// as its client was told.
func checkJobs(ctx context.Context, r *rig, l *load, _ *receiver) (wrong []string, err error) {
	ids := make([]uuid.UUID, 0, len(l.ledger.jobs))
	for id := range l.ledger.jobs {
		ids = append(ids, id)
	}
	rows, err := r.pool.Query(ctx, `
		SELECT id, status, error_code AS error, coalesce(coupon_ids, '{}') AS coupons FROM jobs WHERE id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByName[found])
	if err != nil {
		return nil, err
	}
	there := map[uuid.UUID]found{}
	for _, job := range jobs {
		there[job.ID] = job
	}
	for id, p := range l.ledger.jobs {
		job, exists := there[id]
		code := ""
		if job.Error != nil {
			code = *job.Error
		}
		switch {
		case !exists:
			wrong = append(wrong, fmt.Sprintf("%s %s was accepted and is gone", p.Kind, id))
		case job.Status == "queued" || job.Status == "running":
			wrong = append(wrong, fmt.Sprintf("%s %s was accepted at %s and has not ended: it is %s", p.Kind, id, p.At.Format("15:04:05"), job.Status))
		case p.Told && (p.End != job.Status || p.Error != code):
			wrong = append(wrong, fmt.Sprintf("%s %s was told to have ended as %s %s, and is %s %s", p.Kind, id, p.End, p.Error, job.Status, code))
		case p.Told && p.Kind == "claim" && !slices.Equal(p.Won, job.Coupons):
			wrong = append(wrong, fmt.Sprintf("claim %s was told to have won %v, and has %v", id, p.Won, job.Coupons))
		}
	}
	return wrong, nil
}

// checkWinners: no coupon was promised to two claims, and each is its winner's.
func checkWinners(ctx context.Context, r *rig, l *load, _ *receiver) (wrong []string, err error) {
	winner := map[uuid.UUID]uuid.UUID{}
	var coupons, jobs []uuid.UUID
	for id, p := range l.ledger.jobs {
		for _, c := range p.Won {
			if other, twice := winner[c]; twice {
				wrong = append(wrong, fmt.Sprintf("coupon %s was promised to %s and to %s", c, other, id))
			}
			winner[c] = id
			coupons, jobs = append(coupons, c), append(jobs, id)
		}
	}
	rows, err := r.pool.Query(ctx, `
		SELECT won.coupon_id FROM unnest($1::uuid[], $2::uuid[]) AS won (coupon_id, job_id)
		LEFT JOIN coupons c ON c.id = won.coupon_id LEFT JOIN jobs j ON j.id = won.job_id
		WHERE (c.user_id = j.user_id AND c.job_id = j.id) IS NOT TRUE`, coupons, jobs)
	if err != nil {
		return nil, err
	}
	lost, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	for _, c := range lost {
		wrong = append(wrong, fmt.Sprintf("coupon %s is not with who won it", c))
	}
	return wrong, err
}

// checkRedemptions: every use that was confirmed is there, and taken back only
// where that was asked for.
func checkRedemptions(ctx context.Context, r *rig, l *load, _ *receiver) (wrong []string, err error) {
	rows, err := r.pool.Query(ctx, `
		SELECT u.id, u.coupon_id, EXISTS (SELECT FROM redemptions b WHERE b.rolls_back = u.id)
		FROM redemptions u WHERE u.rolls_back IS NULL`)
	if err != nil {
		return nil, err
	}
	there := map[uuid.UUID]Redeemed{}
	for rows.Next() {
		var u Redeemed
		if err = rows.Scan(&u.ID, &u.Coupon, &u.RolledBack); err != nil {
			return nil, err
		}
		there[u.ID] = u
	}
	for id, promised := range l.ledger.redeemed {
		if used := there[id]; used != *promised {
			wrong = append(wrong, fmt.Sprintf("redemption %s was confirmed as %+v, and is %+v", id, *promised, used))
		}
	}
	return wrong, rows.Err()
}

// checkRuns: a run of a bulk job is one worker's; whoever takes over has a new one.
func checkRuns(ctx context.Context, r *rig, _ *load, _ *receiver) (wrong []string, err error) {
	rows, err := r.pool.Query(ctx, `
		SELECT format('run %s of job %s was that of %s', epoch, job_id, string_agg(DISTINCT worker, ' and '))
		FROM torture_runs GROUP BY job_id, epoch HAVING count(DISTINCT worker) > 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// checkMessages: the receiver was told of every end of a promised job and of
// every step of every coupon.
func checkMessages(ctx context.Context, r *rig, l *load, hooks *receiver) (wrong []string, err error) {
	hooks.mu.Lock()
	defer hooks.mu.Unlock()
	wrong = slices.Clone(hooks.wrong)
	for id, p := range l.ledger.jobs {
		if !hooks.jobs[id.String()] {
			wrong = append(wrong, fmt.Sprintf("nobody was told of the end of %s %s", p.Kind, id))
		}
	}
	rows, err := r.pool.Query(ctx, `SELECT coupon_id, coupon_seq FROM events WHERE coupon_id IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var id uuid.UUID
		var seq int
		if err = rows.Scan(&id, &seq); err != nil {
			return nil, err
		}
		if !hooks.steps[step(id.String(), seq)] {
			wrong = append(wrong, fmt.Sprintf("nobody was told of step %d of coupon %s", seq, id))
		}
	}
	return wrong, rows.Err()
}

// checkDatabase asks what `couponctl verify` asks.
func checkDatabase(ctx context.Context, r *rig, _ *load, _ *receiver) (wrong []string, err error) {
	findings, err := postgres.NewStore(r.pool).Verify(ctx)
	for _, f := range findings {
		if f.Anomalies > 0 {
			wrong = append(wrong, fmt.Sprintf("%d times not true: %s (%s)", f.Anomalies, f.Check, f.Sample))
		}
	}
	return wrong, err
}
