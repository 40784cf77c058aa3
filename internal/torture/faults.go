package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/mutex"
	"couponbook/internal/queue"
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
				if p.name == name {
					return p, true
				}
			}
		}
	}
	return c.workers[c.dice.IntN(len(c.workers))], false
}

// revive starts killed processes again after a while.
func (c *chaos) revive(ctx context.Context, processes ...*process) error {
	pause(ctx, c.lasts(200*time.Millisecond, 3*time.Second))
	for _, p := range processes {
		if err := p.start(); err != nil {
			return err
		}
	}
	return nil
}

func (c *chaos) killWorker(ctx context.Context) (bool, error) {
	p, hit := c.inTransaction(ctx)
	p.kill()
	return hit, c.revive(ctx, p)
}

func (c *chaos) killAfterCommit(ctx context.Context) (bool, error) {
	heard := make(chan struct{}, 1)
	listen, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	go queue.NewClient(c.tasks).FollowDone(listen, func([]uuid.UUID) {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	hit := false
	select {
	case <-heard:
		hit = true
	case <-listen.Done():
	}
	var all sync.WaitGroup
	for _, p := range c.workers {
		all.Go(p.kill)
	}
	all.Wait()
	return hit, c.revive(ctx, c.workers...)
}

func (c *chaos) killAPI(ctx context.Context) (bool, error) {
	p, hit := c.apis[c.dice.IntN(len(c.apis))], c.load.inFlight.Load() > 0
	p.kill()
	return hit, c.revive(ctx, p)
}

func (c *chaos) killBoth(ctx context.Context) (bool, error) {
	worker, hit := c.inTransaction(ctx)
	api := c.apis[c.dice.IntN(len(c.apis))]
	worker.kill()
	api.kill()
	return hit, c.revive(ctx, worker, api)
}

// stand lets a process stand still for a while.
func (c *chaos) stand(ctx context.Context, p *process, d time.Duration) error {
	err := p.signal(syscall.SIGSTOP)
	pause(ctx, d)
	return errors.Join(err, p.signal(syscall.SIGCONT))
}

func (c *chaos) pauseWorker(ctx context.Context) (bool, error) {
	p, hit := c.inTransaction(ctx)
	return hit, c.stand(ctx, p, c.lasts(3*time.Second, 9*time.Second))
}

// atBulk waits for a worker that runs a bulk job.
func (c *chaos) atBulk(ctx context.Context) (*process, bool) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		var name string
		err := c.pool.QueryRow(ctx, `
			SELECT worker FROM torture_runs r JOIN jobs j ON j.id = r.job_id AND j.epoch = r.epoch
			WHERE j.status = 'running' AND r.at > clock_timestamp() - interval '300 milliseconds' ORDER BY r.at DESC LIMIT 1`).Scan(&name)
		for _, p := range c.workers {
			if err == nil && p.name == name {
				return p, true
			}
		}
	}
	return c.workers[c.dice.IntN(len(c.workers))], false
}

func (c *chaos) killBulk(ctx context.Context) (bool, error) {
	p, hit := c.atBulk(ctx)
	p.kill()
	pause(ctx, 7*time.Second) // its silence tells after five
	return hit, p.start()
}

func (c *chaos) pauseBulk(ctx context.Context) (bool, error) {
	p, hit := c.atBulk(ctx)
	return hit, c.stand(ctx, p, c.lasts(7*time.Second, 9*time.Second))
}

func (c *chaos) pauseAPI(ctx context.Context) (bool, error) {
	hit := c.load.inFlight.Load() > 0
	return hit, c.stand(ctx, c.apis[c.dice.IntN(len(c.apis))], c.lasts(time.Second, 5*time.Second))
}

// held lists the mutexes of books that are held.
func (c *chaos) held(ctx context.Context) []string {
	keys, _ := c.tasks.Keys(ctx, mutex.KeyPrefix+"book:*").Result()
	return keys
}

func (c *chaos) killMutexHolder(ctx context.Context) (bool, error) {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && ctx.Err() == nil; {
		if len(c.held(ctx)) == 0 {
			continue
		}
		var name string
		err := c.pool.QueryRow(ctx, `
			SELECT application_name FROM pg_stat_activity
			WHERE application_name LIKE 'worker-%' AND xact_start IS NOT NULL AND query LIKE '%book_stock%' LIMIT 1`).Scan(&name)
		for _, p := range c.workers {
			if err == nil && p.name == name {
				p.kill()
				return true, c.revive(ctx, p)
			}
		}
	}
	return false, nil
}

func (c *chaos) loseMutexes(ctx context.Context) (bool, error) {
	lost := false
	for end := time.Now().Add(c.lasts(time.Second, 3*time.Second)); time.Now().Before(end); {
		if keys := c.held(ctx); len(keys) > 0 {
			n, err := c.tasks.Del(ctx, keys...).Result()
			lost = lost || err == nil && n > 0
		}
	}
	return lost, nil
}

func (c *chaos) loseLeases(ctx context.Context) (bool, error) {
	p, hit := c.inTransaction(ctx)
	for _, name := range queue.All {
		if err := c.tasks.Del(ctx, "asynq:{"+name+"}:lease").Err(); err != nil {
			return false, err
		}
	}
	p.kill()
	return hit, c.revive(ctx, p)
}

func (c *chaos) tripleTasks(ctx context.Context) (bool, error) {
	bell := queue.NewClient(c.tasks)
	jobs, err := c.underWay(ctx)
	if err != nil {
		return false, err
	}
	for range 3 {
		for _, book := range []uuid.UUID{c.load.open, c.load.scarce, c.load.gifts} {
			err = errors.Join(err, bell.RingBook(ctx, book))
		}
		for id, kind := range jobs {
			err = errors.Join(err, bell.RingJob(ctx, kind, id))
		}
	}
	return c.busy(ctx), err
}

// underWay are the bulk jobs that wait or run.
func (c *chaos) underWay(ctx context.Context) (map[uuid.UUID]coupon.JobKind, error) {
	rows, err := c.pool.Query(ctx, `SELECT id, kind FROM jobs WHERE seq IS NULL AND status IN ('queued', 'running')`)
	if err != nil {
		return nil, err
	}
	jobs := map[uuid.UUID]coupon.JobKind{}
	for rows.Next() {
		var id uuid.UUID
		var kind coupon.JobKind
		if err = rows.Scan(&id, &kind); err != nil {
			return nil, err
		}
		jobs[id] = kind
	}
	return jobs, rows.Err()
}

func (c *chaos) flush(ctx context.Context) (bool, error) {
	hit := c.busy(ctx)
	return hit, c.tasks.FlushAll(ctx).Err()
}

// endRedis kills the server and waits until it is gone.
func (c *chaos) endRedis() error {
	if err := syscall.Kill(c.redis.Pid(), syscall.SIGKILL); err != nil {
		return err
	}
	<-c.redis.Exited()
	_ = c.redis.Stop() // it was killed: only its lock is let go
	return nil
}

func (c *chaos) restartRedis(ctx context.Context) (bool, error) {
	hit := c.busy(ctx)
	if err := c.endRedis(); err != nil {
		return hit, err
	}
	pause(ctx, c.lasts(200*time.Millisecond, 2*time.Second))
	return hit, c.startRedis(ctx)
}

func (c *chaos) emptyRedis(ctx context.Context) (bool, error) {
	hit := c.busy(ctx)
	if err := c.endRedis(); err != nil {
		return hit, err
	}
	kept, err := filepath.Glob(filepath.Join(c.dir, "redis", "redis", "*"))
	for _, file := range kept {
		if base := filepath.Base(file); strings.HasPrefix(base, "appendonly") || strings.HasSuffix(base, ".rdb") {
			err = errors.Join(err, os.RemoveAll(file))
		}
	}
	return hit, errors.Join(err, c.startRedis(ctx))
}

// during sets a proxy's mode for a while.
func (c *chaos) during(ctx context.Context, p *proxy, m mode, d time.Duration) (bool, error) {
	hit := c.busy(ctx)
	p.set(m)
	pause(ctx, d)
	p.set(pass)
	return hit, nil
}

func (c *chaos) cutRedis(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toRedis, refuse, c.lasts(2*time.Second, 6*time.Second))
}

func (c *chaos) silenceRedis(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toRedis, silent, c.lasts(2*time.Second, 5*time.Second))
}

func (c *chaos) twoSweepers(ctx context.Context) (hit bool, err error) {
	c.toRedis.set(refuse)
	defer c.toRedis.set(pass)
	for end := time.Now().Add(c.lasts(4*time.Second, 7*time.Second)); time.Now().Before(end) && ctx.Err() == nil; {
		var workers int
		err = c.pool.QueryRow(ctx, `
			SELECT count(DISTINCT application_name) FROM pg_stat_activity
			WHERE application_name LIKE 'worker-%' AND xact_start IS NOT NULL AND query ~ '(book_stock|coupons|jobs)'`).Scan(&workers)
		hit = hit || err == nil && workers > 1
	}
	return hit, nil
}

func (c *chaos) cutPostgres(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toPostgres, refuse, c.lasts(time.Second, 4*time.Second))
}

func (c *chaos) silencePostgres(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toPostgres, silent, c.lasts(time.Second, 4*time.Second))
}

func (c *chaos) restartPostgres(ctx context.Context) (bool, error) {
	hit := c.busy(ctx)
	if err := c.postgres.Stop(); err != nil {
		return hit, err
	}
	pause(ctx, c.lasts(200*time.Millisecond, 2*time.Second))
	return hit, c.startPostgres(ctx)
}

func (c *chaos) killPostgres(ctx context.Context) (bool, error) {
	hit := c.busy(ctx)
	if err := syscall.Kill(c.postgres.Pid(), syscall.SIGKILL); err != nil {
		return hit, err
	}
	<-c.postgres.Exited()
	_ = c.postgres.Stop() // it was killed: only its lock is let go
	return hit, c.startPostgres(ctx)
}

// cutCommits loses the answers to some COMMITs, a hundred when it is asked to last.
func (c *chaos) cutCommits(ctx context.Context) (bool, error) {
	n, before := int32(1+c.dice.IntN(8)), c.toPostgres.cuts.Load()
	if c.hold > 0 {
		n = 100
	}
	for end := time.Now().Add(time.Minute); c.toPostgres.cuts.Load()-before < n && time.Now().Before(end) && ctx.Err() == nil; {
		c.toPostgres.armed.Store(1)
		pause(ctx, 20*time.Millisecond)
	}
	c.toPostgres.armed.Store(0)
	if got := c.toPostgres.cuts.Load() - before; got < n {
		return false, fmt.Errorf("only %d of %d COMMITs were cut", got, n)
	}
	return true, nil
}
