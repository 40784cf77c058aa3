//go:build screenshots

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/devservices"
	"couponbook/internal/fixture"
	"couponbook/internal/showcase"
)

// The dashboard with real data: a Prometheus watches two API processes and two
// workers through sales, distributions and webhooks, and every panel has to show
// something.
func TestScreenshotOfTheDashboard(t *testing.T) { //nolint:paralleltest // it loads the machine
	h := newHouse(t, 2, 2)
	prometheus := h.watch(t)
	admin, guest := h.admin(t)
	h.listen(t, admin, fixture.NewReceiver(t), "coupon.assigned", "coupon.redeemed")
	failed, err := showcase.Play(t.Context(), t.Output(), guest, admin)
	require.NoError(t, err)
	require.Zero(t, failed)
	sales := time.NewTicker(3 * time.Second) // the crowd's connections have to go in between
	for range 30 {
		<-sales.C
		h.sale(t, 200, 20)
	}
	sales.Stop()
	h.browse(t, []string{"--project=dashboard"}, "PROMETHEUS_URL="+prometheus)
	h.verify(t)
}

// watch starts a Prometheus that reads the house's numbers every second, and
// returns where it is.
func (h *house) watch(t *testing.T) string {
	t.Helper()
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s}\nscrape_configs:\n")
	for job, processes := range map[string][]*process{"couponbook-api": h.apis, "couponbook-worker": h.workers} {
		var targets []string
		for _, p := range processes {
			targets = append(targets, strings.TrimPrefix(p.private, "http://"))
		}
		fmt.Fprintf(&config, "  - {job_name: %s, static_configs: [{targets: ['%s']}]}\n", job, strings.Join(targets, "', '"))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config.String()), 0o600))
	port, err := devservices.FreePort(t.Context(), 0)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.CommandContext(t.Context(), "../deploy/with-prometheus", "prometheus",
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() })
	return "http://" + address
}
