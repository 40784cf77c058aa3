package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/jobs"
)

// A loop takes its first step after an interval, one each from then on,
// whether they succeed or not, and ends with its context.
func TestALoopSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var steps []time.Duration
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			jobs.Loop{Name: "count", Interval: time.Second, Step: func(context.Context) error {
				steps = append(steps, time.Since(start))
				return errors.New("no luck")
			}}.Run(ctx)
		}()
		<-time.After(3500 * time.Millisecond)
		stop()
		<-ended
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, steps)
	})
	line := logged.await(t, 0, "loop step failed", "no luck")
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "count", line["loop"])
}

// A step that takes longer than the interval is never run twice at a time, and
// what it missed is not made up for.
func TestALoopDoesNotPileUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		running, most, steps := 0, 0, 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			jobs.Loop{Interval: time.Second, Step: func(ctx context.Context) error {
				running++
				most = max(most, running)
				select {
				case <-time.After(10 * time.Second):
					steps++
				case <-ctx.Done():
				}
				running--
				return nil
			}}.Run(ctx)
		}()
		<-time.After(60 * time.Second)
		stop()
		<-ended
		require.Equal(t, 5, steps)
		require.Equal(t, 1, most)
	})
}

// A step that is cut short by the loop's end is no failure to tell of.
func TestALoopEndsDuringAStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			jobs.Loop{Name: "cut short", Interval: time.Second, Step: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}.Run(ctx)
		}()
		<-time.After(2 * time.Second)
		stop()
		<-ended
	})
	require.False(t, logged.has("loop step failed", "cut short"))
}
