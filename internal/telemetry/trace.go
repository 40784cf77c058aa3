package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"couponbook/internal/tracing"
)

// SetUpTraces sends a part of all traces, from 0 to 1, over OTLP and HTTP to the
// collector at endpoint, like http://127.0.0.1:4318; empty: none. The exporter
// reads the other OTEL_EXPORTER_OTLP variables itself. stop sends what is left.
func SetUpTraces(ctx context.Context, process, endpoint string, part float64) (stop func(), err error) {
	if endpoint == "" {
		return func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT is no address of a collector, like http://127.0.0.1:4318: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("traces not sent", "error", err) }))
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithSampler(Sampler(part)),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "couponbook-"+process))))
	tracing.Use(provider)
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = provider.Shutdown(ctx) // the error handler has said why
		tracing.Use(nil)
	}, nil
}

// Sampler takes a part of all traces, those that callers begin among them: nobody
// outside has all of his requests traced. Statements and messages that belong to
// no piece of work, like those of loops that look around, begin none.
func Sampler(part float64) sdk.Sampler {
	root := ofWork{sdk.TraceIDRatioBased(part)} // by the trace's id: API and worker decide alike
	return sdk.ParentBased(root, sdk.WithRemoteParentSampled(root))
}

type ofWork struct{ sdk.Sampler }

func (s ofWork) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	if p.Kind == trace.SpanKindClient {
		return sdk.NeverSample().ShouldSample(p)
	}
	return s.Sampler.ShouldSample(p)
}
