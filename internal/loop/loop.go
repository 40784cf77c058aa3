// Package loop repeats what has to be done again and again.
package loop

import (
	"context"
	"log/slog"
	"time"

	"couponbook/internal/metrics"
)

// Every calls step at each interval until ctx ends. Steps do not overlap, and
// one that is missed is not made up for. A step that fails is logged by the
// loop's name; the next one tries again.
func Every(ctx context.Context, interval time.Duration, name string, step func(context.Context) error) {
	tick := time.NewTicker(interval)
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
		start := time.Now()
		err := step(ctx)
		metrics.Loops.WithLabelValues(name, metrics.Result(err)).Observe(metrics.Since(start))
		if err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "loop step failed", "loop", name, "error", err)
		}
	}
}
