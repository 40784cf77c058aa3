package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// Backlog tells how the webhooks stand: endpoints that get nothing, because they
// are disabled or their circuit breaker is open, and how old the oldest event is
// that has not been dealt out to endpoints.
func (s *Store) Backlog(ctx context.Context) (coupon.WebhookStats, error) {
	return one[coupon.WebhookStats](ctx, s.db, nil, `
		SELECT count(*) FILTER (WHERE status = 'disabled') AS disabled,
		       count(*) FILTER (WHERE status = 'enabled' AND open_until > clock_timestamp()) AS broken,
		       coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - e.created_at))
		                 FROM webhook_cursor c JOIN LATERAL (SELECT created_at FROM events WHERE xact > c.xact ORDER BY xact, id LIMIT 1) e ON true), 0)::float8 AS behind
		FROM webhook_endpoints WHERE deleted_at IS NULL`, nil)
}

// Queues tells how far the work of each queue is behind, as the tables say it:
// what waits, since when, and how much ended in the last ten seconds.
func (s *Store) Queues(ctx context.Context) ([]coupon.QueueStats, error) {
	return all[coupon.QueueStats](ctx, s.db, `
		WITH ended AS (
			SELECT CASE WHEN user_id IS NOT NULL OR book_claims THEN 'assignments' WHEN gives THEN 'distributions' ELSE 'codes' END AS name, count(*) AS n
			FROM (SELECT e.user_id, j.seq IS NOT NULL AS book_claims, j.kind IN `+givesOut+` AS gives
			      FROM events e LEFT JOIN jobs j ON j.id = e.job_id AND e.user_id IS NULL
			      WHERE e.created_at > now() - interval '10 seconds'
			        AND e.type IN ('job.succeeded', 'job.partially_succeeded', 'job.failed', 'job.canceled')) told
			GROUP BY 1),
		bulk AS (
			SELECT CASE WHEN kind IN `+givesOut+` THEN 'distributions' ELSE 'codes' END AS name, status, created_at
			FROM jobs WHERE seq IS NULL AND status IN ('queued', 'running'))
		SELECT q.name, q.waiting, q.running, q.failed,
		       coalesce(greatest(0, extract(epoch FROM clock_timestamp() - q.since) * 1000)::bigint, 0) AS oldest_ms,
		       coalesce(e.n, q.sent, 0) / 10.0::float8 AS per_second
		FROM (
			SELECT 'assignments' AS name, count(*) AS waiting, 0::bigint AS running, 0::bigint AS failed, min(created_at) AS since, NULL::bigint AS sent
			FROM jobs WHERE seq IS NOT NULL AND status = 'queued'
			UNION ALL
			SELECT name, count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'running'),
			       (SELECT count(*) FROM jobs WHERE status = 'failed' AND seq IS NULL AND id > @day
			        AND (kind IN `+givesOut+`) = (named.name = 'distributions')),
			       min(created_at) FILTER (WHERE status = 'queued'), NULL
			FROM (VALUES ('codes'), ('distributions')) AS named (name) LEFT JOIN bulk USING (name) GROUP BY name
			UNION ALL
			SELECT 'webhooks', count(*) FILTER (WHERE next_attempt_at <= now()), 0, count(*) FILTER (WHERE tries > 0), min(next_attempt_at) FILTER (WHERE next_attempt_at <= now()),
			       (SELECT count(*) FROM webhook_deliveries WHERE ended_at > now() - interval '10 seconds')
			FROM webhook_deliveries d WHERE status = 'pending' AND EXISTS (SELECT FROM webhook_endpoints e WHERE e.id = d.endpoint_id AND e.status = 'enabled')
		) q LEFT JOIN ended e USING (name)
		ORDER BY q.name`, pgx.StrictNamedArgs{"day": firstIDOf(time.Now().Add(-24 * time.Hour))})
}
