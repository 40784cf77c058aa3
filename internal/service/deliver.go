package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/metrics"
	"couponbook/internal/postgres"
	"couponbook/internal/tracing"
	"couponbook/internal/webhook"
)

const (
	deliveriesKept = 30 * 24 * time.Hour
	mostSent       = 200                    // deliveries of one round,
	mostTold       = 2000                   // and events in them, which are held in memory
	sendingTurn    = 5 * time.Second        // after which other endpoints have their turn
	sendingLease   = 20 * time.Second       // longer than an attempt can take
	noteEvery      = 100 * time.Millisecond // attempts are written down together
)

// Sent is what a run that sends to an endpoint has done.
type Sent struct {
	Left              bool // another run sends to it, or it is left alone for now
	Delivered, Failed int
}

// sending is a run that sends to one endpoint.
type sending struct {
	*Webhooks
	id       uuid.UUID // of the run
	endpoint coupon.Endpoint
	health   coupon.EndpointHealth // as it has become
	secrets  [][]byte
	end      time.Time // of its turn
	sent     Sent
	over     atomic.Bool // nothing more is to be sent now
	seen     struct {    // by the senders, ahead of what is written down
		sync.Mutex
		coupon.EndpointHealth
	}
}

// Deliver sends what is due to an endpoint, a few at a time, until nothing is,
// its turn is over, or its circuit breaker opens. One run at a time sends to an
// endpoint. A run that dies sends again what it has not written down: the
// receiver knows it by its webhook-id.
func (w *Webhooks) Deliver(ctx context.Context, endpointID uuid.UUID) (Sent, error) {
	r := &sending{Webhooks: w, id: uuid.New(), end: time.Now().Add(sendingTurn)}
	var err error
	r.endpoint, err = w.store.Lease(ctx, endpointID, r.id, sendingLease)
	if errors.Is(err, coupon.ErrEndpointNotFound) {
		return Sent{Left: true}, nil
	}
	if err != nil {
		return Sent{}, fmt.Errorf("begin to deliver: %w", err)
	}
	r.health = r.endpoint.EndpointHealth
	again := false
	for err == nil && !r.over.Load() {
		var due []coupon.Delivery
		if due, err = r.due(ctx); len(due) == 0 {
			break
		}
		if again = r.turnIsOver(); again {
			break
		}
		err = r.round(ctx, due)
	}
	err = errors.Join(err, w.store.EndLease(context.WithoutCancel(ctx), endpointID, r.id))
	if again && err == nil {
		_ = w.queue.RingEndpoint(ctx, endpointID) // else the sweeper does
	}
	if err != nil {
		err = fmt.Errorf("deliver: %w", err)
	}
	return r.sent, err
}

func (r *sending) turnIsOver() bool { return time.Now().After(r.end) }

// due reads what is to be sent next: of an endpoint whose breaker was open, one
// that probes it.
func (r *sending) due(ctx context.Context) (due []coupon.Delivery, err error) {
	limit := mostSent
	if r.health.Probing() {
		limit = 1
	}
	if due, err = r.store.DueDeliveries(ctx, r.endpoint.ID, limit); err != nil || len(due) == 0 {
		return nil, err
	}
	for i, events := 0, 0; i < len(due); i++ {
		if events += due[i].Events; events > mostTold && i > 0 {
			due = due[:i]
		}
	}
	r.secrets, err = r.store.Secrets(ctx, r.endpoint.ID)
	return due, err
}

// round sends deliveries, a few at a time, and writes down what comes of them.
// What is not begun when the turn is over waits for the next one.
func (r *sending) round(ctx context.Context, due []coupon.Delivery) error {
	ids := make([]int64, len(due))
	for i, d := range due {
		ids[i] = d.ID
	}
	events, err := r.store.EventsOf(ctx, ids)
	if err == nil { // reading took its time
		err = r.store.KeepLease(ctx, r.endpoint.ID, r.id, sendingLease)
	}
	if errors.Is(err, coupon.ErrEndpointNotFound) { // another run has taken over
		r.over.Store(true)
		return nil
	}
	if err != nil {
		return err
	}
	r.seen.EndpointHealth = r.health
	next, tried := make(chan coupon.Delivery, len(due)), make(chan postgres.Tried, len(due))
	for _, d := range due {
		next <- d
	}
	close(next)
	// What has begun comes to its end, which is near, and is written down: cut
	// off by us it would count against the endpoint.
	whole := context.WithoutCancel(ctx)
	traces := r.tracesOf(ctx, events)
	var senders sync.WaitGroup
	for range webhook.InFlight {
		senders.Go(func() {
			for d := range next {
				if !r.over.Load() && !r.turnIsOver() && ctx.Err() == nil {
					tried <- r.try(whole, d, events[d.ID], traces)
				}
			}
		})
	}
	go func() { senders.Wait(); close(tried) }()
	return r.noteAll(whole, tried)
}

// try sends one delivery once.
func (r *sending) try(ctx context.Context, d coupon.Delivery, events []coupon.ToldEvent, traces map[uuid.UUID]string) postgres.Tried {
	ctx, span := r.traced(ctx, d, events, traces)
	attempt := r.attempt(ctx, r.endpoint, r.secrets, d, events)
	metrics.WebhookAttempts.WithLabelValues(attempt.Verdict.String()).Observe(attempt.Took.Seconds())
	if attempt.Verdict == coupon.Delivered {
		metrics.WebhookLag.Observe(metrics.Since(d.EventAt))
	}
	span.Note("webhook.verdict", attempt.Verdict.String())
	span.Close(nil)
	r.see(attempt)
	return postgres.Tried{Delivery: d.After(attempt, time.Now(), rand.Float64()), Attempt: attempt} //nolint:gosec // spreads tries
}

// tracesOf finds the traces of the jobs that deliveries tell of.
func (r *sending) tracesOf(ctx context.Context, events map[int64][]coupon.ToldEvent) map[uuid.UUID]string {
	if !tracing.On() {
		return nil
	}
	var jobs []uuid.UUID
	for _, told := range events {
		if told[0].JobID != nil {
			jobs = append(jobs, *told[0].JobID)
		}
	}
	traces, err := r.store.Traces(ctx, jobs)
	if err != nil {
		slog.WarnContext(ctx, "traces not found", "endpoint_id", r.endpoint.ID, "error", err)
	}
	return traces
}

// traced makes an attempt a span of the trace of the job that it tells of.
func (r *sending) traced(ctx context.Context, d coupon.Delivery, events []coupon.ToldEvent, traces map[uuid.UUID]string) (context.Context, tracing.Span) {
	if len(traces) == 0 || len(events) == 0 || events[0].JobID == nil || traces[*events[0].JobID] == "" {
		return ctx, tracing.Span{}
	}
	return tracing.Start(tracing.Under(ctx, traces[*events[0].JobID]), "deliver webhook", "job.id", events[0].JobID.String(),
		"webhook.id", coupon.MessageID(d.EventID), "endpoint.id", r.endpoint.ID.String())
}

// see ends the run at once, without waiting for what is being written down, when
// an attempt opens the circuit breaker or the endpoint wants no more.
func (r *sending) see(attempt coupon.Attempt) {
	r.seen.Lock()
	defer r.seen.Unlock()
	r.seen.EndpointHealth = r.seen.After(attempt, time.Now())
	if attempt.Verdict == coupon.Disable || r.seen.Open(time.Now()) {
		r.over.Store(true)
	}
}

// attempt makes the message of a delivery and sends it.
func (w *Webhooks) attempt(ctx context.Context, e coupon.Endpoint, secrets [][]byte, d coupon.Delivery, events []coupon.ToldEvent) coupon.Attempt {
	request := webhook.Request{ID: coupon.MessageID(d.EventID), URL: e.URL, Secrets: secrets}
	if d.CallbackURL != nil {
		if request.URL = *d.CallbackURL; !coupon.SameOrigin(request.URL, e.URL) {
			return unsent(request.URL, coupon.GiveUp, "origin", "the endpoint has moved to another origin than the callback's")
		}
	}
	body, err := bodyOf(e, events)
	if err != nil {
		return unsent(request.URL, coupon.Retry, "message", err.Error())
	}
	request.Body = body
	return w.sender.Send(ctx, request)
}

// unsent is an attempt that did not come to sending: the endpoint has no part in it.
func unsent(url string, verdict coupon.Verdict, word, detail string) coupon.Attempt {
	return coupon.Attempt{URL: url, StartedAt: time.Now(), Verdict: verdict, Unsent: true, RequestHeaders: map[string]string{}, Error: &word, Detail: &detail}
}

// bodyOf is what an endpoint is sent of events: the same bytes each time.
func bodyOf(e coupon.Endpoint, events []coupon.ToldEvent) ([]byte, error) {
	if len(events) == 0 {
		return nil, errors.New("the event of the delivery is not there")
	}
	message, err := coupon.NewMessage(events, e.IncludeCodes)
	if err != nil {
		return nil, err
	}
	return json.Marshal(message)
}
