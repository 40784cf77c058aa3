package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"couponbook/internal/coupon"
)

// Backlog tells how far the work is behind, as the tables say it. Each worker
// tells the same: take the highest.
type Backlog struct {
	Queues   func(context.Context) ([]coupon.QueueStats, error)
	Webhooks func(context.Context) (coupon.WebhookStats, error)
}

// scrapeWithin is less than Prometheus waits by default.
const scrapeWithin = 5 * time.Second

var (
	queueWaiting  = prometheus.NewDesc("couponbook_queue_waiting", "Claims, bulk jobs or deliveries that wait.", []string{"queue"}, nil)
	queueRunning  = prometheus.NewDesc("couponbook_queue_running", "Bulk jobs that run.", []string{"queue"}, nil)
	queueFailed   = prometheus.NewDesc("couponbook_queue_failed", "Bulk jobs that failed within a day; deliveries to be tried again.", []string{"queue"}, nil)
	queueAge      = prometheus.NewDesc("couponbook_queue_oldest_seconds", "How long the oldest one waits.", []string{"queue"}, nil)
	disabledHooks = prometheus.NewDesc("couponbook_webhook_endpoints_disabled", "Endpoints that were disabled.", nil, nil)
	brokenHooks   = prometheus.NewDesc("couponbook_webhook_endpoints_broken", "Endpoints whose circuit breaker is open.", nil, nil)
	eventsBehind  = prometheus.NewDesc("couponbook_events_behind_seconds", "Age of the oldest event that is not dealt out to endpoints.", nil, nil)
)

// Describe lists the metrics.
func (b Backlog) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueWaiting, queueRunning, queueFailed, queueAge, disabledHooks, brokenHooks, eventsBehind} {
		out <- d
	}
}

// Collect reads the tables. While Postgres is away there is nothing to tell.
func (b Backlog) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	queues, err := b.Queues(ctx)
	if err != nil {
		slog.WarnContext(ctx, "queues not counted", "error", err)
		return
	}
	for _, q := range queues {
		gauge(queueWaiting, float64(q.Waiting), q.Name)
		gauge(queueRunning, float64(q.Running), q.Name)
		gauge(queueFailed, float64(q.Failed), q.Name)
		gauge(queueAge, float64(q.OldestMS)/1000, q.Name)
	}
	hooks, err := b.Webhooks(ctx)
	if err != nil {
		slog.WarnContext(ctx, "webhooks not counted", "error", err)
		return
	}
	gauge(disabledHooks, float64(hooks.Disabled))
	gauge(brokenHooks, float64(hooks.Broken))
	gauge(eventsBehind, hooks.Behind)
}
