package service_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/tcpproxy"
	"couponbook/internal/testdb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(allEvents{m}, // the cache of API keys cannot be closed
		goleak.IgnoreTopFunction("github.com/hashicorp/golang-lru/v2/expirable.NewLRU[...].func1"))
}

// house is the product without its doors: what the API's side and the
// worker's side share is the database, and a bell.
type house struct {
	pool      *pgxpool.Pool
	store     *postgres.Store
	queue     *fixture.Queue
	service   *service.Service
	followers *service.Followers
	claims    *service.Claims
	drainer   *service.Drainer
	sweeper   *service.Sweeper
	till      *service.Till
	webhooks  *service.Webhooks
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, testdb.New(t))
}

// newHouseOn lets several API processes share a database.
func newHouseOn(t *testing.T, pool *pgxpool.Pool) *house {
	t.Helper()
	h := &house{pool: pool, store: postgres.NewStore(pool), queue: &fixture.Queue{}}
	h.service = service.New(h.store, h.queue)
	h.followers = service.NewFollowers(h.store)
	h.claims = service.NewClaims(h.store, h.followers, func(book uuid.UUID) { _ = h.queue.RingBook(t.Context(), book) })
	h.drainer = fixture.Drainer(h.store, fixture.Open{}, h.queue)
	h.sweeper = service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	h.till = service.NewTill(h.store, auth.NewLockTokens(fixture.Keyring()))
	h.webhooks = service.NewWebhooks(h.service, fixture.Sender(t))
	t.Cleanup(func() { h.checkEvents(t) })
	t.Cleanup(h.claims.Close)
	t.Cleanup(h.service.Close)
	return h
}

// claim submits a claim for the caller himself.
func (h *house) claim(t *testing.T, p auth.Principal, book uuid.UUID, count int) (service.Submission, error) {
	t.Helper()
	return h.claims.Submit(t.Context(), p, service.ClaimRequest{BookID: book, Count: count})
}

func (h *house) drain(t *testing.T, book uuid.UUID) service.Drained {
	t.Helper()
	done, err := h.drainer.Drain(t.Context(), book)
	require.NoError(t, err)
	return done
}

func (h *house) job(t *testing.T, id uuid.UUID) coupon.Job {
	t.Helper()
	job, err := h.followers.Job(t.Context(), id)
	require.NoError(t, err)
	return job
}

// stock is what the book's stock row says.
func (h *house) stock(t *testing.T, book uuid.UUID) coupon.BookStats {
	t.Helper()
	stats, err := h.store.BookStats(t.Context(), book)
	require.NoError(t, err)
	return stats
}

// together runs n calls at the same moment.
func together(n int, call func(i int)) {
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { <-begin; call(i) })
	}
	close(begin)
	all.Wait()
}

// within gives up a test that hangs with a clear word.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// count is what a query counts.
func (h *house) count(t *testing.T, query string) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRow(t.Context(), query).Scan(&n))
	return n
}

// dyingRuns runs a bulk job to its end. The first runs die: the answer to a
// COMMIT of theirs is lost. Each next one goes on once their silence tells.
func (h *house) dyingRuns(t *testing.T, proxy *tcpproxy.Proxy, deaths int, job coupon.Job) {
	t.Helper()
	runs := 0
	for !h.job(t, job.ID).Done() {
		if runs++; runs <= deaths {
			proxy.Armed.Store(1)
		}
		_, err := h.service.RunBulk(t.Context(), job.Kind, job.ID)
		require.Equal(t, runs <= deaths, err != nil, "run %d: %v", runs, err)
		_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, job.ID)
		require.NoError(t, err)
	}
	require.Greater(t, runs, 2, "it was not interrupted")
}
