package telemetry

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
)

var nameOf = regexp.MustCompile(`fqName: "([^"]+)"`)

// Names are those of our metrics, counted yet or not.
func (m *Metrics) Names() (names []string) {
	for _, collector := range m.known {
		found := make(chan *prometheus.Desc, 100)
		collector.Describe(found)
		close(found)
		for desc := range found {
			names = append(names, nameOf.FindStringSubmatch(desc.String())[1])
		}
	}
	return names
}
