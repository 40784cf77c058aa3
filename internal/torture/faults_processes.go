package torture

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/queue"
)

// revive starts killed processes again after a while.
func (c *chaos) revive(ctx context.Context, processes ...*process) error {
	pause(ctx, c.lasts(200*time.Millisecond, 2*time.Second))
	for _, p := range processes {
		if err := p.Start(); err != nil {
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

func (c *chaos) killBulk(ctx context.Context) (bool, error) {
	p, hit := c.atBulk(ctx)
	p.kill()
	pause(ctx, 6*time.Second) // its silence tells after five
	return hit, p.Start()
}

func (c *chaos) pauseBulk(ctx context.Context) (bool, error) {
	p, hit := c.atBulk(ctx)
	return hit, c.stand(ctx, p, c.lasts(7*time.Second, 9*time.Second))
}

func (c *chaos) pauseAPI(ctx context.Context) (bool, error) {
	hit := c.load.inFlight.Load() > 0
	return hit, c.stand(ctx, c.apis[c.dice.IntN(len(c.apis))], c.lasts(time.Second, 5*time.Second))
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
			if err == nil && p.Name == name {
				p.kill()
				return true, c.revive(ctx, p)
			}
		}
	}
	return false, nil
}
