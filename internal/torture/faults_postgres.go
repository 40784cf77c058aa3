package torture

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"couponbook/internal/tcpproxy"
)

func (c *chaos) cutPostgres(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toPostgres, tcpproxy.Refuse, c.lasts(time.Second, 4*time.Second))
}

func (c *chaos) silencePostgres(ctx context.Context) (bool, error) {
	return c.during(ctx, c.toPostgres, tcpproxy.Silent, c.lasts(time.Second, 4*time.Second))
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
	n, before := int32(1+c.dice.IntN(8)), c.toPostgres.Cuts.Load()
	if c.hold > 0 {
		n = 100
	}
	for end := time.Now().Add(time.Minute); c.toPostgres.Cuts.Load()-before < n && time.Now().Before(end) && ctx.Err() == nil; {
		c.toPostgres.Armed.Store(1)
		pause(ctx, 20*time.Millisecond)
	}
	c.toPostgres.Armed.Store(0)
	if got := c.toPostgres.Cuts.Load() - before; got < n {
		return false, fmt.Errorf("only %d of %d COMMITs were cut", got, n)
	}
	return true, nil
}
