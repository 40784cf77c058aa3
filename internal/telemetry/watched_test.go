package telemetry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/telemetry"
	"couponbook/internal/testdb"
)

const (
	alertsFile    = "../../deploy/prometheus/alerts.yml"
	dashboardFile = "../../deploy/grafana/dashboards/couponbook.json"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// Every metric that an alert or a dashboard names is one that we export, and
// every one that we export is on the dashboard.
func TestWhatIsWatchedIsExported(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics(testdb.New(t))
	m.Watch(telemetry.Backlog{})
	exported := m.Names()
	named := regexp.MustCompile(`couponbook_[a-z_]+`)
	for _, file := range []string{alertsFile, dashboardFile} {
		found := named.FindAllString(read(t, file), -1)
		require.NotEmpty(t, found)
		for _, name := range found {
			base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			require.True(t, slices.Contains(exported, name) || slices.Contains(exported, base), "%s names %s", file, name)
		}
	}
	dashboard := read(t, dashboardFile)
	for _, name := range exported {
		require.Positive(t, strings.Count(dashboard, name), "nobody looks at %s", name)
	}
}

// Every alert has a section in the operator's handbook, where it says that one is.
func TestAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	handbook, alerts := read(t, "../../docs/operations.md"), read(t, alertsFile)
	found := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(alerts, -1)
	require.Greater(t, len(found), 10)
	for _, alert := range found {
		require.Positive(t, strings.Count(handbook, "\n### "+alert[1]+"\n"), "no section is about %s", alert[1])
		require.Positive(t, strings.Count(alerts, "runbook: docs/operations.md#"+strings.ToLower(alert[1])+"\n"), "%s has another runbook", alert[1])
	}
}
