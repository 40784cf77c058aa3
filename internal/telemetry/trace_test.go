package telemetry_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"couponbook/internal/telemetry"
)

// What is traced is for the operator to say, whatever a caller asks for; a part
// of a trace is traced with it; a statement alone is no trace.
func TestWhatIsTraced(t *testing.T) {
	t.Parallel()
	parent := func(remote bool) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{8: 0x7f, 9: 1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: remote,
		})
	}
	for name, c := range map[string]struct {
		part   float64
		parent trace.SpanContext
		kind   trace.SpanKind
		want   sdk.SamplingDecision
	}{
		"all":                     {1, trace.SpanContext{}, trace.SpanKindInternal, sdk.RecordAndSample},
		"none":                    {0, trace.SpanContext{}, trace.SpanKindInternal, sdk.Drop},
		"a caller's, of all":      {1, parent(true), trace.SpanKindInternal, sdk.RecordAndSample},
		"a caller's, of none":     {0, parent(true), trace.SpanKindInternal, sdk.Drop},
		"a part of a traced one":  {0, parent(false), trace.SpanKindInternal, sdk.RecordAndSample},
		"a statement alone":       {1, trace.SpanContext{}, trace.SpanKindClient, sdk.Drop},
		"a statement of the work": {0, parent(false), trace.SpanKindClient, sdk.RecordAndSample},
	} {
		got := telemetry.Sampler(c.part).ShouldSample(sdk.SamplingParameters{
			ParentContext: trace.ContextWithSpanContext(t.Context(), c.parent), TraceID: trace.TraceID{8: 0x7f, 9: 1}, Kind: c.kind,
		})
		require.Equal(t, c.want, got.Decision, name)
	}
}
