package torture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/mutex"
	"couponbook/internal/queue"
	"couponbook/internal/tcpproxy"
)

// held lists the mutexes of books that are held.
func (c *chaos) held(ctx context.Context) []string {
	keys, _ := c.tasks.Keys(ctx, mutex.KeyPrefix+"book:*").Result()
	return keys
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

func (c *chaos) cutRedis(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toRedis, tcpproxy.Refuse, c.lasts(2*time.Second, 6*time.Second))
}

func (c *chaos) silenceRedis(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toRedis, tcpproxy.Silent, c.lasts(2*time.Second, 5*time.Second))
}

func (c *chaos) twoSweepers(ctx context.Context) (hit bool, err error) {
	c.toRedis.Set(tcpproxy.Refuse)
	defer c.toRedis.Set(tcpproxy.Pass)
	for end := time.Now().Add(c.lasts(4*time.Second, 7*time.Second)); time.Now().Before(end) && ctx.Err() == nil; {
		var workers int
		err = c.pool.QueryRow(ctx, `
			SELECT count(DISTINCT application_name) FROM pg_stat_activity
			WHERE application_name LIKE 'worker-%' AND xact_start IS NOT NULL AND query ~ '(book_stock|coupons|jobs)'`).Scan(&workers)
		hit = hit || err == nil && workers > 1
	}
	return hit, nil
}
