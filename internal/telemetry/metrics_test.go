package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/telemetry"
	"couponbook/internal/testdb"
)

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	return get(t, m, "/metrics")
}

func get(t *testing.T, m *telemetry.Metrics, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

// An operator can see what a process spends its time and memory on.
func TestProfilesAreServed(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics(testdb.New(t))
	require.Contains(t, get(t, m, "/debug/pprof/"), "goroutine")
	require.Contains(t, get(t, m, "/debug/pprof/goroutine?debug=1"), "TestProfilesAreServed")
	require.NotEmpty(t, get(t, m, "/debug/pprof/profile?seconds=1"))
}

// Prometheus finds requests by method, route and status in buckets of time,
// and the process's own numbers.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics(testdb.New(t))
	require.NotContains(t, scrape(t, m), "couponbook_http_request_duration_seconds_count")

	m.Request(http.MethodPost, "/api/v1/books/:id/claims", http.StatusAccepted, 4*time.Millisecond)
	m.Request(http.MethodPost, "/api/v1/books/:id/claims", http.StatusAccepted, 2*time.Second)
	m.Request(http.MethodGet, "/api/v1/me", http.StatusOK, time.Millisecond)
	page := scrape(t, m)
	claims := `{method="POST",route="/api/v1/books/:id/claims",status="202"`
	for _, line := range []string{
		"couponbook_http_request_duration_seconds_count" + claims + "} 2\n",
		"couponbook_http_request_duration_seconds_sum" + claims + "} 2.004\n",
		"couponbook_http_request_duration_seconds_bucket" + claims + `,le="0.0025"} 0` + "\n",
		"couponbook_http_request_duration_seconds_bucket" + claims + `,le="0.005"} 1` + "\n",
		"couponbook_http_request_duration_seconds_bucket" + claims + `,le="2.5"} 2` + "\n",
		`couponbook_http_request_duration_seconds_count{method="GET",route="/api/v1/me",status="200"} 1` + "\n",
		"\ngo_goroutines ", "\nprocess_start_time_seconds ",
	} {
		require.Contains(t, page, line)
	}
}

// The pool's connections are counted as they are when Prometheus asks.
func TestDatabaseConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	m := telemetry.NewMetrics(pool)
	require.Contains(t, scrape(t, m), "\ncouponbook_db_connections_busy 0\n")

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	page := scrape(t, m)
	require.Contains(t, page, "\ncouponbook_db_connections_busy 1\n")
	require.Regexp(t, `\ncouponbook_db_connections [1-9]\d*\n`, page)

	conn.Release()
	require.Contains(t, scrape(t, m), "\ncouponbook_db_connections_busy 0\n")
}

// Two processes in one, as tests and `couponctl dev` have, do not clash.
func TestMetricsAreTheirOwners(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	one, other := telemetry.NewMetrics(pool), telemetry.NewMetrics(pool)
	one.Request(http.MethodGet, "/", http.StatusOK, time.Millisecond)
	require.Contains(t, scrape(t, one), `route="/"`)
	require.NotContains(t, scrape(t, other), `route="/"`)
}
