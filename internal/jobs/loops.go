package jobs

import (
	"context"
	"log/slog"
	"time"
)

// Loop calls a step at an interval until its context ends. A step that fails
// is logged; the next one tries again.
type Loop struct {
	Name     string
	Interval time.Duration
	Step     func(context.Context) error
}

// Run runs the loop.
func (l Loop) Run(ctx context.Context) {
	tick := time.NewTicker(l.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if ctx.Err() != nil {
				return // select takes either when both are there
			}
		}
		if err := l.Step(ctx); err != nil && ctx.Err() == nil {
			slog.ErrorContext(ctx, "loop step failed", "loop", l.Name, "error", err)
		}
	}
}
