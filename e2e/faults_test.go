//go:build long

package e2e

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/flashsale"
	"couponbook/internal/redisdb"
)

// during holds a sale that begins without workers, and breaks something.
// It fails when the sale was over by then: the fault must hit.
func during(t *testing.T, h *house, users, codes int, hit func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	type end struct {
		result flashsale.Result
		err    error
	}
	ended, ready := make(chan end, 1), make(chan struct{})
	plan := h.plan(t, users, codes)
	go func() {
		plan.Ready = func() {
			for _, worker := range h.workers { // the codes are made; all claims shall wait
				_ = worker.cmd.Process.Signal(syscall.SIGTERM)
				<-worker.ended
			}
			h.workers = nil
			close(ready)
		}
		result, err := flashsale.Hold(ctx, plan)
		ended <- end{result, err}
	}()
	<-ready
	h.slow(t)
	hit()
	require.Empty(t, ended, "the sale was over before the fault")
	sale := <-ended
	require.NoError(t, sale.err)
	require.True(t, sale.result.Exact(), "%+v", sale.result)
	h.verify(t)
}

// slow makes every group of claims take a quarter of a second more, so that the
// fault hits the middle of the sale however busy this machine is.
func (h *house) slow(t *testing.T) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.25); RETURN NEW; END $$;
		CREATE TRIGGER slow BEFORE UPDATE ON book_stock FOR EACH ROW WHEN (NEW.last_drained > OLD.last_drained) EXECUTE FUNCTION slow()`)
	require.NoError(t, err)
}

// waitUntil polls the database for a state of the sale.
func (h *house) waitUntil(t *testing.T, sql string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var reached bool
		return h.pool.QueryRow(t.Context(), sql).Scan(&reached) == nil && reached
	}, time.Minute, time.Millisecond)
}

const (
	allAsked    = `SELECT count(*) = 4000 FROM jobs WHERE kind = 'claim'`
	someGranted = `SELECT count(*) BETWEEN 200 AND 3500 FROM jobs WHERE kind = 'claim' AND status = 'succeeded'`
)

// The worker that holds the mutex is killed in the middle of a sale. The other
// one goes on within five seconds, and everything is exact.
func TestKillTheWorkerThatHoldsTheMutex(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 1)
	during(t, h, 4000, 3800, func() {
		h.waitUntil(t, allAsked)
		h.launchWorkers(t, 2)
		h.waitUntil(t, someGranted)
		killed := h.killHolder(t)
		t.Logf("killed %s with %d claims waiting", killed.name,
			h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'claim' AND status = 'queued'`))
	})
	var gap float64
	require.NoError(t, h.pool.QueryRow(t.Context(), `
		SELECT max(extract(epoch FROM gap)) FROM (
			SELECT finished_at - lag(finished_at) OVER (ORDER BY finished_at) AS gap FROM jobs WHERE kind = 'claim') g`).Scan(&gap))
	t.Logf("longest pause between grants: %.2f s", gap)
	require.Less(t, gap, 5.0)
}

// killHolder kills the worker that has a drain's transaction open.
func (h *house) killHolder(t *testing.T) *process {
	t.Helper()
	var holder string
	require.Eventually(t, func() bool {
		err := h.pool.QueryRow(t.Context(), `
			SELECT application_name FROM pg_stat_activity
			WHERE application_name LIKE 'worker-%' AND xact_start IS NOT NULL AND datname = current_database()
			  AND query LIKE '%book_stock%' LIMIT 1`).Scan(&holder)
		return err == nil
	}, 10*time.Second, time.Millisecond)
	for _, worker := range h.workers {
		if worker.name == holder {
			worker.kill(t)
			return worker
		}
	}
	require.FailNow(t, "nobody is called "+holder)
	return nil
}

// Redis loses everything in the middle of a sale.
func TestFlushAllInTheMiddle(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 1)
	redis := h.redis.Client(t, redisdb.ForQueues)
	during(t, h, 4000, 3800, func() {
		h.waitUntil(t, allAsked)
		h.launchWorkers(t, 2)
		h.waitUntil(t, someGranted)
		require.NoError(t, redis.FlushAll(t.Context()).Err())
	})
	require.Eventually(t, func() bool {
		queues, err := redis.SMembers(t.Context(), "asynq:queues").Result()
		return err == nil && len(queues) > 0
	}, 15*time.Second, 100*time.Millisecond, "the monitor sees the queues again")
}

// Redis is gone for thirty seconds. Claims are accepted and finish meanwhile,
// and everything is quick again once it is back.
func TestRedisGoneForHalfAMinute(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 2)
	h.redis.Stop(t)
	gone := time.Now()
	for time.Since(gone) < 30*time.Second {
		h.sale(t, 300, 100)
	}
	h.redis.Start(t)
	back := time.Now()
	for h.sale(t, 100, 50).Outcome.P99 > 1000 {
		require.Less(t, time.Since(back), time.Minute, "doorbells do not work again")
	}
	h.verify(t)
}

// API and worker are replaced by others during a sale, as a rolling deployment
// does: no accepted claim is lost, and every process ends well.
func TestWorkersReplacedDuringASale(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	during(t, h, 4000, 3800, func() {
		h.waitUntil(t, allAsked)
		h.launchWorkers(t, 1)
		h.waitUntil(t, someGranted)
		require.NoError(t, h.workers[0].stop(t))
		h.workers = nil
		h.addWorkers(t, 1)
	})
}
