package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Outcomes lists what a job has to tell about single items, in their order.
func (s *Store) Outcomes(ctx context.Context, jobID uuid.UUID, f coupon.OutcomeFilter, limit int) ([]coupon.Outcome, error) {
	args := pgx.StrictNamedArgs{"job_id": jobID, "after": f.After, "limit": limit}
	with := ``
	if f.Status != nil {
		with, args["status"] = ` AND o.status = @status`, *f.Status
		if *f.Status != coupon.OutcomeGranted { // so that a plan for any status knows that the index of these will do
			with += ` AND o.status <> 'granted'`
		}
	}
	return all[coupon.Outcome](ctx, s.db, `
		SELECT o.n, o.item_id, o.line, o.status, o.code, o.user_id,
		       coalesce(u.email, u.external_id) AS user, o.planned, o.reason, o.detail,
		       (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'code', c.code, 'expires_at', least(c.expires_at, b.ends_at)) ORDER BY t.place)
		        FROM unnest(o.coupon_ids) WITH ORDINALITY AS t (id, place) JOIN coupons c ON c.id = t.id JOIN books b ON b.id = c.book_id
		       ) AS coupons
		FROM job_outcomes o LEFT JOIN users u ON u.id = o.user_id
		WHERE o.job_id = @job_id AND o.n > @after`+with+`
		ORDER BY o.n LIMIT @limit`, args)
}

// CountGifts counts a job's recipients by how many coupons they got, as a JSON
// list.
func (s *Store) CountGifts(ctx context.Context, jobID uuid.UUID) (counts json.RawMessage, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT coalesce(jsonb_agg(jsonb_build_object('coupons', coupons, 'recipients', n) ORDER BY coupons DESC), '[]')
		FROM (SELECT cardinality(coupon_ids) AS coupons, count(*) AS n FROM job_outcomes
		      WHERE job_id = @job_id AND status = 'granted' GROUP BY 1) counted`,
		pgx.StrictNamedArgs{"job_id": jobID}).Scan(&counts)
	return counts, err
}

// CountReasons counts a job's outcomes by reason, as a JSON object.
func (s *Store) CountReasons(ctx context.Context, jobID uuid.UUID) (counts json.RawMessage, err error) {
	err = s.db.QueryRow(ctx, `
		SELECT coalesce(jsonb_object_agg(reason, n), '{}')
		FROM (SELECT reason, count(*) AS n FROM job_outcomes WHERE job_id = @job_id AND reason IS NOT NULL GROUP BY reason) counted`,
		pgx.StrictNamedArgs{"job_id": jobID}).Scan(&counts)
	return counts, err
}
