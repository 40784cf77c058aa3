package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/torture"
)

// tortured runs the torture test on an installation of its own.
func tortured(t *testing.T, o torture.Options) torture.Report {
	t.Helper()
	o.Dir, o.Bin, o.Log, o.APIs, o.Workers = t.TempDir(), bin, t.Output(), 2, 2
	if o.Seed == 0 {
		o.Seed = uint64(rand.Uint32())
	}
	if o.People == 0 {
		o.People = 60
	}
	report, err := torture.Run(t.Context(), o)
	require.NoError(t, err)
	report.Print(t.Output())
	return report
}

// Whatever dies, every promise is kept.
//
//nolint:paralleltest // it loads the machine
func TestTortureForHalfAMinute(t *testing.T) {
	report := tortured(t, torture.Options{For: 30 * time.Second})
	require.True(t, report.Passed(), "seed %d", report.Seed)
	require.Greater(t, report.Faults(), 3)
	for _, kind := range []string{"claim", "claim_batch", "redemption"} {
		require.Positive(t, report.Promised[kind], kind)
	}
}

// The check is not blind: a job that can be decided twice is found.
//
//nolint:paralleltest // it loads the machine
func TestTortureFindsABrokenRule(t *testing.T) {
	report := tortured(t, torture.Options{Scenario: "triple-tasks", Break: "job-status-guard"})
	require.NotEmpty(t, report.Wrong)
	require.False(t, report.Passed())
}
