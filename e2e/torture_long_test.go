//go:build long

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/torture"
)

// holds are faults that last longer here than by chance.
var holds = map[string]time.Duration{
	"pause-worker": 40 * time.Second, "pause-bulk-run": 40 * time.Second, "redis-cut": 30 * time.Second, "redis-silent": 30 * time.Second,
	"commit-cut": time.Second, // a hundred times
}

// Each fault alone: every promise is kept, and claims are decided again in time.
//
//nolint:paralleltest // they load the machine
func TestEveryScenario(t *testing.T) {
	for _, name := range torture.Scenarios() {
		t.Run(name, func(t *testing.T) {
			require.True(t, tortured(t, torture.Options{Scenario: name, Hold: holds[name]}).Passed())
		})
	}
}

// breaking are faults that make a broken rule show.
var breaking = map[string]string{
	"job-status-guard": "triple-tasks", "user-counter": "triple-tasks", "event": "triple-tasks",
	"ack-before-commit": "postgres-kill", "epoch-fence": "kill-bulk-run",
}

// Each rule of the product, broken, is found.
//
//nolint:paralleltest // they load the machine
func TestTortureFindsEveryBrokenRule(t *testing.T) {
	for _, rule := range torture.Rules() {
		t.Run(rule, func(t *testing.T) {
			require.NotEmpty(t, tortured(t, torture.Options{Scenario: breaking[rule], Break: rule}).Wrong)
		})
	}
}
