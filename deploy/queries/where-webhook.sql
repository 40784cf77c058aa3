-- Where is my webhook? What happened to a coupon, who was told of it, and how each attempt went:
--   psql "$DATABASE_URL" -v coupon=… -f deploy/queries/where-webhook.sql
-- Of an event that is no coupon's: WHERE event.id = …, the number of its evt_….
-- A delivery can tell of several events of a transaction: it is found by the first.
SELECT event.id AS event, event.type, event.created_at, sent.url, sent.endpoint, sent.open_until,
       sent.delivery, CASE WHEN event.xact > (SELECT xact FROM webhook_cursor) THEN 'not dealt out yet' ELSE coalesce(sent.status, 'nobody wanted it') END AS status,
       sent.next_attempt_at, sent.started_at, sent.status_code, sent.error, sent.detail
FROM events event
LEFT JOIN LATERAL (
    SELECT coalesce(delivery.callback_url, endpoint.url) AS url, endpoint.status AS endpoint, endpoint.open_until, delivery.id AS delivery, delivery.status, delivery.next_attempt_at,
           attempt.id AS attempt, attempt.started_at, attempt.status_code, attempt.error, attempt.detail
    FROM events first
    CROSS JOIN webhook_endpoints endpoint
    JOIN webhook_deliveries delivery ON delivery.endpoint_id = endpoint.id AND delivery.event_id = first.id
    LEFT JOIN webhook_attempts attempt ON attempt.delivery_id = delivery.id
    WHERE first.xact = event.xact AND first.type = event.type AND first.id <= event.id AND delivery.last_event_id >= event.id
      AND (first.book_id, first.job_id, first.actor_id) IS NOT DISTINCT FROM (event.book_id, event.job_id, event.actor_id)) sent ON true
WHERE event.coupon_id = :'coupon'
ORDER BY event.id, sent.url, sent.attempt;
