package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/internal/redisdb"
)

// gift is a book and a pool.
type gift struct {
	*house
	admin *client.Client
	book  uuid.UUID
	pool  string // its path
}

// newGift makes a pool of people, one in a hundred of them disabled, and a book
// of which each can have two.
func newGift(t *testing.T, h *house, people, codes int) *gift {
	t.Helper()
	g := &gift{house: h}
	g.admin, _ = h.admin(t)
	two := 2
	var err error
	g.book, err = g.admin.NewBook(t.Context(), "Gifts", codes, &two)
	require.NoError(t, err)
	var pool struct{ ID uuid.UUID }
	require.NoError(t, g.admin.Do(t.Context(), http.MethodPost, "/api/v1/pools", map[string]any{"name": "Everyone"}, &pool))
	g.pool = "/api/v1/pools/" + pool.ID.String()
	for _, statement := range []string{
		`INSERT INTO users (id, external_id, disabled_at) SELECT gen_random_uuid(), 'person-' || n, CASE WHEN n % 100 = 0 THEN now() END FROM generate_series(1, $2::int) AS n WHERE $1::uuid IS NOT NULL`,
		`INSERT INTO pool_members (pool_id, user_id) SELECT $1, id FROM users WHERE external_id LIKE 'person-%' AND $2 > 0`,
		`UPDATE pools SET members = $2 WHERE id = $1`,
	} {
		_, err = h.pool.Exec(t.Context(), statement, pool.ID, people)
		require.NoError(t, err)
	}
	return g
}

// distribute submits a distribution, and returns its job.
func (g *gift) distribute(t *testing.T, body map[string]any) uuid.UUID {
	t.Helper()
	if body["plan_id"] == nil {
		body["book_id"] = g.book
	}
	var job struct{ ID uuid.UUID }
	require.NoError(t, g.admin.Do(t.Context(), http.MethodPost, g.pool+"/distributions", body, &job))
	return job.ID
}

// finished waits for a job's end, and returns its status.
func (h *house) finished(t *testing.T, job uuid.UUID) (status string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var done bool
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT status, finished_at IS NOT NULL FROM jobs WHERE id = $1`, job).Scan(&status, &done))
		return done
	}, time.Minute, 10*time.Millisecond)
	return status
}

// shares are how many coupons a query says that each user gets.
func (h *house) shares(t *testing.T, query string, args ...any) map[uuid.UUID]int {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), query, args...)
	require.NoError(t, err)
	counts := map[uuid.UUID]int{}
	var user uuid.UUID
	var n int
	_, err = pgx.ForEachRow(rows, []any{&user, &n}, func() error { counts[user] = n; return nil })
	require.NoError(t, err)
	return counts
}

// Whoever does the distribution is killed, again and again, in the middle of
// whatever he does: in the end everyone has exactly what the plan said.
func TestKillADistribution(t *testing.T) {
	t.Parallel()
	const people = 20_000
	h := newHouse(t, 1, 1)
	g := newGift(t, h, people, 31_000)
	plan := g.distribute(t, map[string]any{"mode": "random", "count": 30_000, "dry_run": true})
	require.Equal(t, "succeeded", h.finished(t, plan))
	want := h.shares(t, `
		SELECT r.user_id, least(r.capacity, d.level) + CASE WHEN r.capacity > d.level AND (r.draw, r.n) <= (d.last_draw, d.last_n) THEN 1 ELSE 0 END
		FROM distributions d JOIN distribution_rows r USING (job_id) WHERE d.job_id = $1 AND r.capacity > 0`, plan)
	require.Len(t, want, people*99/100)

	// Parts that take a little longer are hit in the middle more often.
	_, err := h.pool.Exec(t.Context(), `
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END $$;
		CREATE TRIGGER slow AFTER INSERT ON job_outcomes FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
	require.NoError(t, err)
	job := g.distribute(t, map[string]any{"plan_id": plan})
	h.killOften(t, job, distributionKills)
	require.Equal(t, "succeeded", h.finished(t, job))
	require.Equal(t, want, h.shares(t, `SELECT user_id, count(*) FROM coupons WHERE book_id = $1 AND user_id IS NOT NULL GROUP BY user_id`, g.book))
	require.Equal(t, people, h.count(t, `SELECT count(*) FROM job_outcomes WHERE job_id = '`+job.String()+`'`))
	h.verify(t)
}

// killOften kills the worker that does a job at random points spread over it.
func (h *house) killOften(t *testing.T, job uuid.UUID, kills int) {
	t.Helper()
	var epoch, processed, total int
	var done bool
	look := func() {
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT epoch, processed, total, finished_at IS NOT NULL FROM jobs WHERE id = $1`, job).
			Scan(&epoch, &processed, &total, &done))
	}
	for kill := range kills {
		at := kill * (total - 2000) / kills
		taken := epoch
		require.Eventually(t, func() bool { look(); return epoch > taken && processed >= at }, time.Minute, time.Millisecond,
			"nobody takes the job over, or it does not go on")
		<-time.After(rand.N(40 * time.Millisecond))
		look()
		require.False(t, done, "it was over after %d kills", kill)
		h.workers[len(h.workers)-1].kill(t)
		// Its silence is made to have lasted: nobody learns anything from waiting.
		_, err := h.pool.Exec(t.Context(), `
			UPDATE jobs SET heartbeat_at = heartbeat_at - interval '5 seconds', rung_at = NULL, created_at = created_at - interval '1 minute' WHERE id = $1`, job)
		require.NoError(t, err)
		h.launchWorkers(t, 1)
		look()
		t.Logf("kill %d at %d", kill+1, processed)
	}
}

// Redis loses everything, again and again, while a distribution runs, while it
// is paused and while it waits to go on.
func TestFlushRedisUnderADistribution(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 2)
	g := newGift(t, h, 6000, 7000)
	flush := func() {
		require.NoError(t, h.redis.Client(t, redisdb.ForQueues).FlushAll(t.Context()).Err())
	}
	steer := func(job uuid.UUID, what string) {
		require.NoError(t, g.admin.Do(t.Context(), http.MethodPost, "/api/v1/jobs/"+job.String()+"/"+what, nil, nil))
	}
	job := g.distribute(t, map[string]any{"mode": "equal", "per_user": 1})
	flush()
	require.Eventually(t, func() bool { return h.count(t, `SELECT processed FROM jobs WHERE id = '`+job.String()+`'`) > 0 }, time.Minute, time.Millisecond)
	flush()
	steer(job, "pause")
	flush()
	steer(job, "resume")
	flush()
	require.Equal(t, "succeeded", h.finished(t, job))
	require.Equal(t, 5940, h.count(t, `SELECT count(*) FROM coupons WHERE user_id IS NOT NULL`))
	h.verify(t)
}

// Two distributions and a rush of claims on one book at once: everyone within
// his limit, no code twice, and all of it adds up.
func TestDistributionsAndASale(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 2)
	g := newGift(t, h, 2000, 5000)
	_, key, err := g.admin.CreateAPIKey(t.Context(), "shop", "claims:write") // a person may not ask so often
	require.NoError(t, err)
	shop := g.admin.As(key)
	var jobs []uuid.UUID
	var claims sync.WaitGroup
	for i := range 40 {
		claims.Go(func() {
			for n := range 40 { // members, and others
				body := map[string]any{"user": map[string]any{"external_id": fmt.Sprintf("person-%d", 1000+i*40+n)}, "create_missing": true}
				require.NoError(t, shop.Do(t.Context(), http.MethodPost, "/api/v1/books/"+g.book.String()+"/claims", body, nil))
			}
		})
	}
	jobs = append(jobs, g.distribute(t, map[string]any{"mode": "equal", "per_user": 1, "on_shortage": "partial"}),
		g.distribute(t, map[string]any{"mode": "random", "count": 1500, "on_shortage": "partial"}))
	claims.Wait()
	for _, job := range jobs {
		require.Equal(t, "succeeded", h.finished(t, job))
	}
	require.Eventually(t, func() bool { return h.count(t, `SELECT count(*) FROM jobs WHERE finished_at IS NULL`) == 0 }, time.Minute, 10*time.Millisecond)
	for user, n := range h.shares(t, `SELECT user_id, count(*) FROM coupons WHERE user_id IS NOT NULL GROUP BY user_id`) {
		require.LessOrEqual(t, n, 2, user)
	}
	require.Equal(t, 1600, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'claim'`))
	require.Positive(t, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'claim' AND status = 'succeeded'`))
	h.verify(t)
}
