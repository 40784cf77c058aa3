package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/health"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func up(context.Context) error   { return nil }
func down(context.Context) error { return errors.New("password of user couponbook is wrong") }

// hanging answers only when it is given up.
func hanging(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func ready(t *testing.T, checks health.Checks) (int, health.Report) {
	t.Helper()
	w := httptest.NewRecorder()
	checks.Ready(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	return w.Code, read(t, w)
}

func read(t *testing.T, w *httptest.ResponseRecorder) health.Report {
	t.Helper()
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.NotContains(t, w.Body.String(), "password")
	var report health.Report
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &report))
	return report
}

// A process that answers lives, whatever its parts do.
func TestLive(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	health.Live(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, health.Report{Status: "ok"}, read(t, w))
}

// Without Redis requests succeed, only slower; without Postgres or with an old
// schema they do not. The answer names the part and keeps the reason to the log.
func TestReady(t *testing.T) {
	t.Parallel()
	word := map[bool]string{true: "ok", false: "unavailable"}
	check := map[bool]func(context.Context) error{true: up, false: down}
	for _, c := range []struct {
		postgres, migrations, redis bool
		status                      string
		code                        int
	}{
		{true, true, true, "ok", http.StatusOK},
		{true, true, false, "degraded", http.StatusOK},
		{true, false, true, "unavailable", http.StatusServiceUnavailable},
		{true, false, false, "unavailable", http.StatusServiceUnavailable},
		{false, true, true, "unavailable", http.StatusServiceUnavailable},
		{false, true, false, "unavailable", http.StatusServiceUnavailable},
		{false, false, true, "unavailable", http.StatusServiceUnavailable},
		{false, false, false, "unavailable", http.StatusServiceUnavailable},
	} {
		for range 10 { // whichever check is the first to answer
			code, report := ready(t, health.Checks{
				Postgres: check[c.postgres], Migrations: check[c.migrations], Redis: check[c.redis],
			})
			require.Equal(t, c.code, code)
			require.Equal(t, health.Report{Status: c.status, Checks: map[string]string{
				"postgres": word[c.postgres], "migrations": word[c.migrations], "redis": word[c.redis],
			}}, report)
		}
	}
}

// Checks run side by side, and what does not answer within a second is away.
func TestReadyDoesNotWaitLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		code, report := ready(t, health.Checks{Postgres: up, Migrations: up, Redis: hanging})
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, "degraded", report.Status)
		require.Equal(t, time.Second, time.Since(start))

		start = time.Now()
		code, report = ready(t, health.Checks{Postgres: hanging, Migrations: hanging, Redis: hanging})
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, "unavailable", report.Status)
		require.Equal(t, time.Second, time.Since(start))
	})
}
