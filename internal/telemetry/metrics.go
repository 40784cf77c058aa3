package telemetry

import (
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"couponbook/internal/metrics"
)

// Metrics are the numbers of one process.
type Metrics struct {
	registry *prometheus.Registry
	known    []prometheus.Collector // of ours
	requests *prometheus.HistogramVec
}

// NewMetrics registers the process's own numbers and those of its database pool.
func NewMetrics(pool *pgxpool.Pool) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "couponbook_http_request_duration_seconds",
			Help:    "Time to answer a request, by route pattern and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.register(metrics.All()...)
	m.register(m.requests,
		gauge("couponbook_db_connections", "Open connections to Postgres.", func() float64 { return float64(pool.Stat().TotalConns()) }),
		gauge("couponbook_db_connections_busy", "Connections in use.", func() float64 { return float64(pool.Stat().AcquiredConns()) }),
		gauge("couponbook_db_connections_max", "Connections that the pool may open.", func() float64 { return float64(pool.Stat().MaxConns()) }),
		total("couponbook_db_waits_total", "Times that a connection had to be waited for.", func() float64 { return float64(pool.Stat().EmptyAcquireCount()) }),
		total("couponbook_db_wait_seconds_total", "Time spent waiting for connections.", func() float64 { return pool.Stat().EmptyAcquireWaitTime().Seconds() }))
	return m
}

func gauge(name, help string, read func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
}

func total(name, help string, read func() float64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read)
}

func (m *Metrics) register(collectors ...prometheus.Collector) {
	m.known = append(m.known, collectors...)
	m.registry.MustRegister(collectors...)
}

// Watch has what the tables say of the backlog read at each scrape.
func (m *Metrics) Watch(b Backlog) { m.register(b) }

// Request counts one answered request.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Handler serves the numbers to Prometheus at /metrics and Go's profiles at
// /debug/pprof/. Both are for operators: keep the listener private.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
