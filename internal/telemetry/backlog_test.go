package telemetry_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/telemetry"
	"couponbook/internal/testdb"
)

// The backlog is told as the tables say it; what cannot be read is left out, and
// the process's own numbers are told all the same.
func TestTheBacklog(t *testing.T) {
	t.Parallel()
	var queuesErr, hooksErr error
	m := telemetry.NewMetrics(testdb.New(t))
	m.Watch(telemetry.Backlog{
		Queues: func(context.Context) ([]coupon.QueueStats, error) {
			return []coupon.QueueStats{{Name: "codes", Waiting: 3, OldestMS: 1500}}, queuesErr
		},
		Webhooks: func(context.Context) (coupon.WebhookStats, error) { return coupon.WebhookStats{Broken: 2}, hooksErr },
	})
	page := scrape(t, m)
	require.Contains(t, page, "couponbook_queue_waiting{queue=\"codes\"} 3\n")
	require.Contains(t, page, "couponbook_queue_oldest_seconds{queue=\"codes\"} 1.5\n")
	require.Contains(t, page, "couponbook_webhook_endpoints_broken 2\n")
	hooksErr = errors.New("away")
	page = scrape(t, m)
	require.Contains(t, page, "couponbook_queue_waiting")
	require.NotContains(t, page, "couponbook_webhook_endpoints_broken")
	queuesErr = errors.New("away")
	page = scrape(t, m)
	require.NotContains(t, page, "couponbook_queue_waiting")
	require.Contains(t, page, "couponbook_db_connections_max")
}
