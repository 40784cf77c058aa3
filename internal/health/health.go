// Package health tells orchestrators whether a process lives and can serve.
package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// patience is how long a part may take to answer.
const patience = time.Second

// Checks ask the parts that a process needs.
type Checks struct {
	Postgres   func(context.Context) error
	Migrations func(context.Context) error
	// Redis may be away: claims are stored and swept all the same, only slower.
	Redis func(context.Context) error
}

// Report is what /readyz answers.
type Report struct {
	Status string            `json:"status"` // ok, degraded or unavailable
	Checks map[string]string `json:"checks"` // ok or unavailable; reasons are in the log
}

// Live answers as long as the process does anything at all.
func Live(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, Report{Status: "ok"})
}

// Ready answers 200 when requests will succeed, 503 when they will not.
func (c Checks) Ready(w http.ResponseWriter, r *http.Request) {
	report := c.run(r.Context())
	status := http.StatusOK
	if report.Status == "unavailable" {
		status = http.StatusServiceUnavailable
	}
	write(w, status, report)
}

func (c Checks) run(ctx context.Context) Report {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	report := Report{Status: "ok", Checks: map[string]string{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	ask := func(name, otherwise string, check func(context.Context) error) {
		all.Go(func() {
			err := check(ctx)
			mu.Lock()
			defer mu.Unlock()
			if report.Checks[name] = "ok"; err == nil {
				return
			}
			report.Checks[name] = "unavailable"
			slog.WarnContext(ctx, "not ready", "check", name, "error", err)
			if report.Status != "unavailable" {
				report.Status = otherwise
			}
		})
	}
	ask("postgres", "unavailable", c.Postgres)
	ask("migrations", "unavailable", c.Migrations)
	ask("redis", "degraded", c.Redis)
	all.Wait()
	return report
}

func write(w http.ResponseWriter, status int, report Report) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(report) // the client may be gone
}
