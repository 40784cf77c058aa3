package torture_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/torture"
)

// What cannot be run is refused before anything is started, all of it at once.
func TestBadOptions(t *testing.T) {
	t.Parallel()
	_, err := torture.Run(t.Context(), torture.Options{Scenario: "nonsense", Break: "nothing"})
	require.ErrorContains(t, err, `there is no scenario "nonsense": choose one of [kill-worker `)
	require.ErrorContains(t, err, `there is no rule "nothing" to break: choose one of [ack-before-commit `)
	require.ErrorContains(t, err, "at least one client")
}
