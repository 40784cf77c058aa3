package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"couponbook/internal/tcpproxy"
)

// chaos is what faults are made with.
type chaos struct {
	*rig
	load *load
	dice *rand.Rand
	hold time.Duration // how long a fault lasts; 0: by chance, some seconds
}

// fault breaks something and mends it. It reports whether it hit work that was
// under way: a fault that hits nothing proves nothing.
type fault struct {
	name, what string
	inject     func(*chaos, context.Context) (hit bool, err error)
}

// faults are all there are, by name.
var faults = []fault{
	{"kill-worker", "a worker is killed in the middle of a transaction", (*chaos).killWorker},
	{"kill-workers-after-commit", "all workers are killed in the moment after one has committed", (*chaos).killAfterCommit},
	{"kill-api", "an API process is killed with requests under way", (*chaos).killAPI},
	{"kill-both", "a worker and an API process are killed together", (*chaos).killBoth},
	{"pause-worker", "a worker stands still in the middle of a transaction, and goes on later", (*chaos).pauseWorker},
	{"kill-bulk-run", "the worker that runs a bulk job is killed, and another takes over", (*chaos).killBulk},
	{"pause-bulk-run", "the worker that runs a bulk job stands still until another has taken over, and goes on", (*chaos).pauseBulk},
	{"pause-api", "an API process stands still, and goes on later", (*chaos).pauseAPI},
	{"kill-mutex-holder", "the worker that holds a book's mutex is killed", (*chaos).killMutexHolder},
	{"mutex-lost", "books' mutexes vanish while they are held", (*chaos).loseMutexes},
	{"lease-lost", "asynq's leases vanish and a worker is killed", (*chaos).loseLeases},
	{"triple-tasks", "every task comes three times at once", (*chaos).tripleTasks},
	{"redis-flush", "Redis forgets everything", (*chaos).flush},
	{"redis-restart", "Redis is killed and comes back with what it had on disk", (*chaos).restartRedis},
	{"redis-lost", "Redis is killed and comes back empty", (*chaos).emptyRedis},
	{"redis-cut", "Redis cannot be reached", (*chaos).cutRedis},
	{"redis-silent", "Redis does not answer", (*chaos).silenceRedis},
	{"postgres-restart", "Postgres is stopped and started", (*chaos).restartPostgres},
	{"postgres-kill", "Postgres is killed and recovers", (*chaos).killPostgres},
	{"postgres-cut", "Postgres cannot be reached", (*chaos).cutPostgres},
	{"postgres-silent", "Postgres does not answer", (*chaos).silencePostgres},
	{"two-sweepers", "without Redis two workers drain the same books side by side", (*chaos).twoSweepers},
	{"commit-cut", "the answers to COMMITs are lost", (*chaos).cutCommits},
	{diskFull, "Postgres has no room left on its disk", (*chaos).fillDisk},
}

// lasts is how long the fault at hand lasts.
func (c *chaos) lasts(shortest, longest time.Duration) time.Duration {
	if c.hold > 0 {
		return c.hold
	}
	return shortest + time.Duration(c.dice.Int64N(int64(longest-shortest)))
}

// busy reports whether requests are being answered or jobs wait.
func (c *chaos) busy(ctx context.Context) bool {
	if c.load.inFlight.Load() > 0 {
		return true
	}
	var waiting bool
	err := c.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM jobs WHERE status IN ('queued', 'running'))`).Scan(&waiting)
	return err == nil && waiting
}

// inTransaction waits for a worker that has a transaction open.
func (c *chaos) inTransaction(ctx context.Context) (*process, bool) {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		var name string
		err := c.pool.QueryRow(ctx, `
			SELECT application_name FROM pg_stat_activity
			WHERE application_name LIKE 'worker-%' AND xact_start IS NOT NULL AND query ~ '(jobs|coupons|book_stock)' LIMIT 1`).Scan(&name)
		if err == nil {
			for _, p := range c.workers {
				if p.Name == name {
					return p, true
				}
			}
		}
	}
	return c.workers[c.dice.IntN(len(c.workers))], false
}

// atBulk waits for a worker that runs a bulk job.
func (c *chaos) atBulk(ctx context.Context) (*process, bool) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		var name string
		err := c.pool.QueryRow(ctx, `
			SELECT worker FROM torture_runs r JOIN jobs j ON j.id = r.job_id AND j.epoch = r.epoch
			WHERE j.status = 'running' AND r.at > clock_timestamp() - interval '300 milliseconds' ORDER BY r.at DESC LIMIT 1`).Scan(&name)
		for _, p := range c.workers {
			if err == nil && p.Name == name {
				return p, true
			}
		}
	}
	return c.workers[c.dice.IntN(len(c.workers))], false
}

// during sets a proxy's mode for a while.
func (c *chaos) during(ctx context.Context, p *tcpproxy.Proxy, m tcpproxy.Mode, d time.Duration) (bool, error) {
	hit := c.busy(ctx)
	p.Set(m)
	pause(ctx, d)
	p.Set(tcpproxy.Pass)
	return hit, nil
}
