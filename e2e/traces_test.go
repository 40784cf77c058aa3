package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"couponbook/client"
	"couponbook/client/api"
	"couponbook/internal/fixture"
)

// spans is a collector of OpenTelemetry: what came, by trace, name by name.
type spans struct {
	*httptest.Server
	mu  sync.Mutex
	all map[string][]string
	raw strings.Builder
}

func newSpans(t *testing.T) *spans {
	t.Helper()
	s := &spans{all: map[string][]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		data, _ := io.ReadAll(body)
		var got collector.ExportTraceServiceRequest
		if proto.Unmarshal(data, &got) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.raw.WriteString(got.String())
		for _, resource := range got.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					id := hex.EncodeToString(span.GetTraceId())
					s.all[id] = append(s.all[id], span.GetName())
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *spans) of(trace string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.all[trace]...)
}

func (s *spans) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// A claim is one trace: the request, the transaction that accepts it, the group
// that decides it in a worker, and the webhook that tells of it, which brings the
// trace to its receiver. Logs name it. No code is in any span.
func TestAClaimIsOneTrace(t *testing.T) {
	t.Parallel()
	collected := newSpans(t)
	h := newHouse(t, 1, 1, "OTEL_EXPORTER_OTLP_ENDPOINT="+collected.URL, "TRACE_RATIO=1", "OTEL_BSP_SCHEDULE_DELAY=100")
	admin, _ := h.admin(t)
	r := fixture.NewReceiver(t)
	h.listen(t, admin, r, "coupon.assigned")
	book, err := admin.NewBook(t.Context(), "Sale", 1, nil)
	require.NoError(t, err)
	trace := strings.Repeat("0123456789abcdef", 2)
	job, err := admin.Claim(t.Context(), book, api.Claim{}, "key", client.Header{Name: "Prefer", Value: "wait=5"},
		client.Header{Name: "traceparent", Value: "00-" + trace + "-0123456789abcdef-01"})
	require.NoError(t, err)
	code := job.Result.Coupons[0].Code
	require.NoError(t, admin.Do(t.Context(), http.MethodGet, "/api/v1/coupons/"+code, nil, nil))

	for _, name := range []string{"POST /api/v1/books/:id/claims", "accept claim", "decide claim", "deliver webhook"} {
		require.Eventually(t, func() bool {
			return slices.Contains(collected.of(trace), name)
		}, 20*time.Second, 20*time.Millisecond, "%s is not among %v", name, collected.of(trace))
	}
	require.Contains(t, r.Got()[0].Header.Get("traceparent"), trace)
	require.Eventually(t, func() bool { return strings.Contains(collected.text(), "GET /api/v1/coupons/") }, 20*time.Second, 20*time.Millisecond)
	require.NotContains(t, collected.text(), code)
	for _, p := range []*process{h.apis[0], h.workers[0]} {
		log, err := os.ReadFile(p.log)
		require.NoError(t, err)
		require.Contains(t, string(log), `"trace_id":"`+trace+`"`, p.name)
		require.Contains(t, string(log), `"job_id":"`+job.ID.String()+`"`, p.name)
	}
}
