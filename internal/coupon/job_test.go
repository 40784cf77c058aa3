package coupon_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// A job is done once it has an outcome.
func TestAJobIsDoneWithItsOutcome(t *testing.T) {
	t.Parallel()
	for status, done := range map[coupon.JobStatus]bool{
		coupon.Queued: false, coupon.Running: false, coupon.Succeeded: true, coupon.Failed: true,
	} {
		require.Equal(t, done, coupon.Job{Status: status}.Done(), status)
	}
}
