package e2e

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/client/api"
	"couponbook/internal/fixture"
)

// After a sale everything that the dashboard shows has a value.
func TestTheDashboardHasNumbers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, _ := h.admin(t)
	r := fixture.NewReceiver(t)
	h.listen(t, admin, r, "coupon.assigned")
	h.sale(t, 200, 20)
	one := 1
	book, err := admin.NewBook(t.Context(), "Gone", 1, &one)
	require.NoError(t, err)
	for range 2 { // the second is turned away at the door
		_, _ = admin.Claim(t.Context(), book, api.Claim{}, "")
		require.Eventually(t, func() bool { return h.count(t, `SELECT count(*) FROM jobs WHERE status = 'queued'`) == 0 }, 10*time.Second, 10*time.Millisecond)
	}
	require.Eventually(t, func() bool { return len(r.Got()) > 0 }, 20*time.Second, 20*time.Millisecond)

	dashboard, err := os.ReadFile("../deploy/grafana/dashboards/couponbook.json")
	require.NoError(t, err)
	told := ""
	for _, p := range []*process{h.apis[0], h.workers[0]} {
		told += p.numbers(t)
	}
	for _, name := range regexp.MustCompile(`(couponbook|go|process)_[a-z_]+`).FindAllString(string(dashboard), -1) {
		require.True(t, regexp.MustCompile(`(?m)^`+name+`[ {]`).MatchString(told), "%s has no value", name)
	}
	require.Positive(t, strings.Count(told, `couponbook_claims_decided_total{outcome="granted"} 21`), "claims are not counted right")
	require.Positive(t, strings.Count(told, `couponbook_queue_waiting{queue="assignments"} 0`), "the backlog is not told")
}

// numbers are what Prometheus gets.
func (p *process) numbers(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.private+"/metrics", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
