package loop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/loop"
)

// every runs a loop of one second for a while, and returns what it logged.
func every(t *testing.T, while time.Duration, step func(context.Context) error) (logged string) {
	t.Helper()
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), while)
		defer stop()
		loop.Every(ctx, time.Second, "count", step)
	})
	return log.String()
}

// The first step comes after an interval, one each from then on, whether they
// succeed or not; a failure is logged.
func TestEvery(t *testing.T) { //nolint:paralleltest // the log is the process's
	start, steps := time.Time{}, []time.Duration{}
	logged := every(t, 3500*time.Millisecond, func(context.Context) error {
		if start.IsZero() {
			start = time.Now()
		}
		steps = append(steps, time.Since(start))
		if len(steps) == 2 {
			return errors.New("no luck")
		}
		return nil
	})
	require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second}, steps)
	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(logged), &line), "one line: %s", logged)
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, "count", line["loop"])
	require.Equal(t, "no luck", line["error"])
}

// A step that takes longer than the interval is never run twice at a time, and
// what it missed is not made up for.
func TestStepsDoNotPileUp(t *testing.T) { //nolint:paralleltest // the log is the process's
	running, most, steps := 0, 0, 0
	every(t, time.Minute, func(ctx context.Context) error {
		running++
		most = max(most, running)
		select {
		case <-time.After(10 * time.Second):
			steps++
		case <-ctx.Done():
		}
		running--
		return nil
	})
	require.Equal(t, 5, steps)
	require.Equal(t, 1, most)
}

// A step that is cut short by the loop's end is no failure to tell of.
func TestTheEndDuringAStep(t *testing.T) { //nolint:paralleltest // the log is the process's
	logged := every(t, 2*time.Second, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	require.Empty(t, logged)
}
