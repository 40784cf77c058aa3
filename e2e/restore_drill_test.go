//go:build drill

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/client/api"
	"couponbook/internal/devservices"
	"couponbook/internal/fixture"
	"couponbook/internal/testdb"
	"couponbook/internal/testredis"
)

// cluster is a Postgres of its own.
func cluster(t *testing.T) *devservices.Postgres {
	t.Helper()
	dir, err := os.MkdirTemp("", "couponbook-drill-") // not t.TempDir: sockets want short names
	require.NoError(t, err)
	p, err := devservices.StartPostgres(t.Context(), devservices.PostgresOptions{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Stop())
		require.NoError(t, os.RemoveAll(dir))
	})
	return p
}

// script runs one of deploy's, and returns its last line and how long it took.
func script(t *testing.T, database string, args ...string) (string, time.Duration) {
	t.Helper()
	start := time.Now()
	cmd := exec.CommandContext(t.Context(), filepath.Join("..", "deploy", args[0]), args[1:]...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database, "COUPONCTL="+filepath.Join(bin, "couponctl"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], time.Since(start)
}

// The drill: an installation under way is dumped and lost, with its Postgres and
// its Redis. Another cluster takes the dump and starts with an empty Redis. All
// that was accepted ends, all that was to be told is told, and it goes on.
func TestRestoreDrill(t *testing.T) { //nolint:paralleltest // it is told by the times it takes
	require.NoError(t, exec.CommandContext(t.Context(), "go", "build", "-o", bin, "couponbook/cmd/couponctl").Run())
	first := cluster(t)
	h := &house{address: first.URL, pool: testdb.Open(t, first.URL), redis: testredis.New(t)}
	migrate := exec.CommandContext(t.Context(), filepath.Join(bin, "couponctl"), "migrate")
	migrate.Env = append(os.Environ(), "DATABASE_URL="+first.URL)
	require.NoError(t, migrate.Run())
	h.furnish(t, 1, 1)
	admin, guest := h.admin(t)
	token, err := guest.SignIn(t.Context(), adminEmail, adminPassword)
	require.NoError(t, err)
	r := fixture.NewReceiver(t)
	secret := h.listen(t, admin, r, "coupon.assigned")
	for range 3 {
		h.sale(t, 2000, 500)
	}
	var page struct {
		Next string `json:"next_cursor"`
	}
	require.NoError(t, admin.Do(t.Context(), http.MethodGet, "/api/v1/events", nil, &page))

	h.workers[0].kill(t) // from here on everything waits
	stocked, waiting := h.claimsThatWait(t, admin, 50)
	var codes client.Job
	require.NoError(t, admin.Do(t.Context(), http.MethodPost, "/api/v1/books/"+stocked.String()+"/codes/generate", map[string]any{"count": 1000}, &codes))
	waiting = append(waiting, codes.ID)
	dump, took := script(t, first.URL, "backup", t.TempDir())
	size, err := os.Stat(dump)
	require.NoError(t, err)
	t.Logf("dumped %d jobs and %d events in %.1f s: %.1f MB", h.count(t, `SELECT count(*) FROM jobs`), h.count(t, `SELECT count(*) FROM events`),
		took.Seconds(), float64(size.Size())/1e6)
	assigned := h.count(t, `SELECT count(*) FROM events WHERE type = 'coupon.assigned'`)
	h.apis[0].kill(t)
	h.pool.Close()
	require.NoError(t, first.Stop())

	start := time.Now()
	second := cluster(t)
	_, took = script(t, second.URL, "restore", dump)
	t.Logf("restored in %.1f s", took.Seconds())
	again := exec.CommandContext(t.Context(), "../deploy/restore", dump)
	again.Env = append(os.Environ(), "DATABASE_URL="+second.URL)
	out, err := again.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "the database is not empty")
	h = &house{address: second.URL, pool: testdb.Open(t, second.URL), redis: testredis.New(t)}
	h.verify(t)
	h.apis = append(h.apis, h.startAPI(t))
	h.addWorkers(t, 1)
	admin = client.New(h.apis[0].url, 10).As(token) // of before
	for _, job := range waiting {
		got, err := admin.Finish(t.Context(), job)
		require.NoError(t, err)
		require.Equal(t, "succeeded", got.Status)
	}
	t.Logf("up again, and all that waited has ended, %.1f s after the loss was noticed", time.Since(start).Seconds())
	require.Equal(t, 1000, h.count(t, fmt.Sprintf(`SELECT free FROM book_stock WHERE book_id = '%s'`, stocked)))
	require.Eventually(t, func() bool { return len(byID(r)) == assigned+50 }, time.Minute, 50*time.Millisecond)
	r.Verify(secret)
	err = admin.Do(t.Context(), http.MethodGet, "/api/v1/events?after="+page.Next, nil, nil)
	var problem *client.ProblemError
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "events_restored", problem.Code)
	h.sale(t, 1000, 100)
	h.verify(t)
}

// claimsThatWait accepts claims on a book with as many codes; no worker is there.
func (h *house) claimsThatWait(t *testing.T, admin *client.Client, n int) (book uuid.UUID, jobs []uuid.UUID) {
	t.Helper()
	book = fixture.Book(t, h.pool, n, 0).ID
	for range n {
		job, err := admin.Claim(t.Context(), book, api.Claim{}, uuid.NewString())
		require.NoError(t, err)
		require.Equal(t, "queued", job.Status)
		jobs = append(jobs, job.ID)
	}
	return book, jobs
}
