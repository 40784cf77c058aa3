// Package tracing has what we use of OpenTelemetry. A claim is one trace, from
// the request over the group that decides it to the webhook that tells of it:
// its job's row carries the trace over the queue. Spans have ids and words,
// never codes or paths.
package tracing

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// parent is the header, and the column of jobs, that has a span's context.
const parent = "traceparent"

var on atomic.Bool

// Use makes a provider the process's; nil is none.
func Use(provider trace.TracerProvider) {
	on.Store(provider != nil)
	if provider != nil {
		otel.SetTracerProvider(provider)
	}
}

// On reports whether spans are wanted at all. Who would have to work for one
// asks first.
func On() bool { return on.Load() }

// Span is some work. The zero value is of work that nobody traces.
type Span struct{ trace.Span }

// Start begins a span under that of ctx, or a trace. Attributes are pairs of a
// name and a value.
func Start(ctx context.Context, name string, attributes ...string) (context.Context, Span) {
	return StartAt(ctx, time.Time{}, name, attributes...)
}

// StartAt is Start for work that began at a time that has passed.
func StartAt(ctx context.Context, at time.Time, name string, attributes ...string) (context.Context, Span) {
	if !On() {
		return ctx, Span{}
	}
	options := []trace.SpanStartOption{trace.WithAttributes(pairs(attributes)...)}
	if !at.IsZero() {
		options = append(options, trace.WithTimestamp(at))
	}
	ctx, span := otel.Tracer("couponbook").Start(ctx, name, options...)
	return ctx, Span{span}
}

// Note adds attributes, in pairs of a name and a value.
func (s Span) Note(attributes ...string) {
	if s.Span != nil {
		s.SetAttributes(pairs(attributes)...)
	}
}

// Link names another piece of work that did this one, with others together.
func (s Span) Link(ctx context.Context) {
	if s.Span != nil {
		s.AddLink(trace.LinkFromContext(ctx))
	}
}

// Close ends the span, with how the work ended.
func (s Span) Close(err error) {
	if s.Span == nil {
		return
	}
	if err != nil {
		s.SetStatus(codes.Error, err.Error())
	}
	s.End()
}

func pairs(attributes []string) []attribute.KeyValue {
	made := make([]attribute.KeyValue, 0, len(attributes)/2)
	for i := 0; i+1 < len(attributes); i += 2 {
		made = append(made, attribute.String(attributes[i], attributes[i+1]))
	}
	return made
}

// Carry is the span of ctx as text, to go on from elsewhere; empty: it is not
// recorded.
func Carry(ctx context.Context) string {
	if !On() || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[parent]
}

// Under goes on from what Carry gave, or a request brought.
func Under(ctx context.Context, carried string) context.Context {
	if carried == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{parent: carried})
}

// ID is the id of the trace that ctx belongs to, in hexadecimal; empty: none
// that is recorded.
func ID(ctx context.Context) string {
	if !On() {
		return ""
	}
	if at := trace.SpanContextFromContext(ctx); at.IsSampled() {
		return at.TraceID().String()
	}
	return ""
}
