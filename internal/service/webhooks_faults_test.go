package service_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/webhook"
)

// tell makes n events of a book, each for every endpoint that wants book.paused.
func (h *house) tell(t *testing.T, book coupon.Book, n int) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `
		INSERT INTO events (type, book_id, created_at) SELECT 'book.paused', $1, clock_timestamp() FROM generate_series(1, $2)`, book.ID, n)
	require.NoError(t, err)
}

func (h *house) endpoint(t *testing.T, id uuid.UUID) coupon.Endpoint {
	t.Helper()
	e, err := h.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	return e
}

// An endpoint in trouble is left alone after five failures, then probed with
// one; deliveries that were not sent have lost no try.
func TestTheCircuitBreaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	var broken atomic.Bool
	broken.Store(true)
	r.Answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(map[bool]int{true: http.StatusBadGateway, false: http.StatusOK}[broken.Load()])
	}
	e, _ := h.listen(t, fixture.Owner(book), r, "book.paused")
	h.tell(t, book, 40)
	h.dispatch(t, 40)
	sent, err := h.webhooks.Deliver(t.Context(), e.ID)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sent.Failed, 5)
	require.Less(t, sent.Failed, 5+webhook.InFlight, "those in flight when it opened, at most")
	require.Len(t, r.Got(), sent.Failed)
	require.Equal(t, 40-sent.Failed, h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE tries = 0 AND status = 'pending'`))
	require.InDelta(t, 30, time.Until(*h.endpoint(t, e.ID).OpenUntil).Seconds(), 2)

	left, err := h.webhooks.Deliver(t.Context(), e.ID)
	require.NoError(t, err)
	require.True(t, left.Left, "it is left alone while the breaker is open")
	require.Equal(t, 1, h.deliver(t, e).Failed, "one probe")
	require.InDelta(t, 60, time.Until(*h.endpoint(t, e.ID).OpenUntil).Seconds(), 2)
	broken.Store(false)
	require.Equal(t, service.Sent{Delivered: 40}, h.deliver(t, e))
	require.Equal(t, coupon.EndpointHealth{}, h.endpoint(t, e.ID).EndpointHealth)
}

// At most four requests are in flight, whatever number of runs there is.
func TestFourInFlight(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	var now, tooMany atomic.Int32
	r.Answer = func(http.ResponseWriter, *http.Request, int) {
		n := now.Add(1)
		if n > 4 {
			tooMany.Store(n)
		}
		<-time.After(time.Millisecond)
		now.Add(-1)
	}
	e, secret := h.listen(t, fixture.Owner(book), r, "*")
	h.tell(t, book, 300)
	h.dispatch(t, 300)
	var delivered atomic.Int32
	together(10, func(int) {
		sent, err := h.webhooks.Deliver(t.Context(), e.ID)
		require.NoError(t, err)
		delivered.Add(int32(sent.Delivered))
	})
	require.EqualValues(t, 300, delivered.Load())
	require.Zero(t, tooMany.Load(), "requests in flight")
	require.Len(t, r.Got(), 300)
	r.Verify(secret)
	require.Less(t, h.count(t, `SELECT count(DISTINCT xmin::text) FROM webhook_attempts`), 60, "attempts are written in groups")
}

// A paused endpoint is sent nothing, and everything once it is enabled.
func TestAPausedEndpointMissesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := fixture.Owner(book)
	r := fixture.NewReceiver(t)
	e, _ := h.listen(t, owner, r, "book.paused")
	move := func(to coupon.EndpointStatus) {
		_, err := h.webhooks.EditEndpoint(t.Context(), owner, e.ID, nil, &to, func(*coupon.EndpointSettings) {})
		require.NoError(t, err)
	}
	move(coupon.EndpointPaused)
	h.tell(t, book, 3)
	h.dispatch(t, 3)
	require.True(t, h.deliver(t, e).Left)
	move(coupon.EndpointEnabled)
	require.Equal(t, 3, h.deliver(t, e).Delivered)
}

// What waits for an endpoint that is deleted is canceled.
func TestADeletedEndpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	e, _ := h.listen(t, fixture.Owner(book), fixture.NewReceiver(t), "book.paused")
	h.tell(t, book, 3)
	h.dispatch(t, 3)
	require.NoError(t, h.webhooks.DeleteEndpoint(t.Context(), fixture.Owner(book), e.ID))
	require.NoError(t, h.webhooks.SweepDeliveries(t.Context()))
	require.Equal(t, 3, h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'canceled'`))
	require.True(t, h.deliver(t, e).Left)
}

// An endpoint that fails for days: its owner is told at 50, 70 and 90 percent,
// and that it was disabled.
func TestAnEndpointThatFailsForDays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := fixture.Owner(book)
	failing, other := fixture.NewReceiver(t), fixture.NewReceiver(t)
	failing.Answer = func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNotFound) }
	e, _ := h.listen(t, owner, failing, "book.paused")
	watch, _ := h.listen(t, owner, other, "webhook_endpoint.*")
	for step, percent := range []int{20, 50, 70, 90, 100} {
		_, err := h.pool.Exec(t.Context(), `
			UPDATE webhook_endpoints SET failures = $2::int, failing_since = now() - interval '5 days' * $2::int / 100 WHERE id = $1`, e.ID, percent)
		require.NoError(t, err)
		h.tell(t, book, 1)
		h.settle(t)
		require.Equal(t, 1, h.deliver(t, e).Failed-step, "with the retries of those before")
	}
	require.Equal(t, coupon.EndpointDisabled, h.endpoint(t, e.ID).Status)
	require.Equal(t, coupon.DisabledFailing, *h.endpoint(t, e.ID).DisabledReason)
	h.settle(t)
	require.Equal(t, 4, h.deliver(t, watch).Delivered)
	require.Equal(t, 3, h.count(t, `SELECT count(*) FROM events WHERE type = 'webhook_endpoint.failing' AND (data ->> 'percent')::int IN (50, 70, 90)`))
}

// A slow endpoint has a run of its own: the one beside it is served at once.
func TestASlowEndpointDelaysNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	slow, fast := fixture.NewReceiver(t), fixture.NewReceiver(t)
	release := make(chan struct{})
	slow.Answer = func(http.ResponseWriter, *http.Request, int) { <-release }
	s, _ := h.listen(t, fixture.Owner(book), slow, "*")
	f, _ := h.listen(t, fixture.Owner(book), fast, "*")
	h.tell(t, book, 20)
	h.dispatch(t, 40)
	var hanging sync.WaitGroup
	hanging.Go(func() {
		_, err := h.webhooks.Deliver(t.Context(), s.ID)
		require.NoError(t, err)
	})
	require.Eventually(t, func() bool { return len(slow.Got()) == 4 }, time.Minute, time.Millisecond)
	require.Equal(t, 20, h.deliver(t, f).Delivered)
	require.Len(t, slow.Got(), 4)
	close(release)
	hanging.Wait()
}

// The sweeper rings for what is due, once, and not for what is being sent.
func TestLostBellsOfEndpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	e, _ := h.listen(t, fixture.Owner(book), fixture.NewReceiver(t), "*")
	h.tell(t, book, 50)
	h.dispatch(t, 50)
	h.service.Close()
	require.Equal(t, []uuid.UUID{e.ID}, h.queue.Rung, "one bell, not fifty")
	for range 2 {
		require.NoError(t, h.webhooks.SweepDeliveries(t.Context()))
	}
	h.service.Close()
	require.Len(t, h.queue.Rung, 1, "it was rung for a moment ago")
	_, err := h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET rung_at = rung_at - interval '3 seconds'`)
	require.NoError(t, err)
	require.NoError(t, h.webhooks.SweepDeliveries(t.Context()))
	h.service.Close()
	require.Len(t, h.queue.Rung, 2)
}

// A run that dies before it writes down what it sent: the next one sends it
// again, under the same id. Nothing is lost.
func TestARunThatDies(t *testing.T) {
	t.Parallel()
	h, direct, proxy := newCutHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	e, _ := h.listen(t, fixture.Owner(book), r, "book.paused")
	h.tell(t, book, 30)
	h.dispatch(t, 30)
	proxy.Armed.Store(1)
	_, err := h.webhooks.Deliver(t.Context(), e.ID)
	require.Error(t, err)
	_, err = direct.Exec(t.Context(), `UPDATE webhook_endpoints SET leased_until = now()`)
	require.NoError(t, err)
	h.deliver(t, e)
	ids := map[string]int{}
	for _, m := range r.Got() {
		ids[m.ID]++
	}
	require.Len(t, ids, 30)
	require.Equal(t, 30, h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'succeeded'`))
}

// What was sent more than thirty days ago is forgotten, with its attempts.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	e, _ := h.listen(t, fixture.Owner(book), fixture.NewReceiver(t), "*")
	h.tell(t, book, 3)
	h.dispatch(t, 3)
	h.deliver(t, e)
	require.NoError(t, h.webhooks.DropDeliveries(t.Context()))
	require.Equal(t, 3, h.count(t, `SELECT count(*) FROM webhook_attempts`))
	_, err := h.pool.Exec(t.Context(), `UPDATE webhook_deliveries SET ended_at = ended_at - interval '31 days' WHERE id > 1`)
	require.NoError(t, err)
	require.NoError(t, h.webhooks.DropDeliveries(t.Context()))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM webhook_attempts`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM webhook_deliveries`))
}
