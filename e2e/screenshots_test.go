//go:build screenshots

package e2e

import "testing"

// TestScreenshots has every page looked at, and its picture taken to where
// COUPONBOOK_SCREENSHOTS says.
func TestScreenshots(t *testing.T) { //nolint:paralleltest // one after the other
	h := newHouse(t, 1, 1)
	h.browse(t, []string{"--project=desktop", "pages"})
	h.verify(t)
}
