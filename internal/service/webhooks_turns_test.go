package service_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// An endpoint that answers slowly has its turn like the others: what is not
// begun by then waits for the next one, and what is begun is not cut off.
func TestATurnEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	r.Answer = func(http.ResponseWriter, *http.Request, int) { <-time.After(800 * time.Millisecond) }
	e, _ := h.listen(t, fixture.Owner(book), r, "book.paused")
	h.tell(t, book, 100)
	h.dispatch(t, 100)
	h.service.Close()
	rung := len(h.queue.Rung)
	began := time.Now()
	sent, err := h.webhooks.Deliver(t.Context(), e.ID)
	require.NoError(t, err)
	require.Less(t, time.Since(began), 10*time.Second)
	require.Positive(t, sent.Delivered)
	require.Zero(t, sent.Failed)
	require.Len(t, r.Got(), sent.Delivered)
	require.Equal(t, 100-sent.Delivered, h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND attempts = 0`))
	require.Len(t, h.queue.Rung, rung+1, "it is rung for the rest")
}

// A run whose lease has gone to another one stops: two would send twice as much
// at a time.
func TestARunThatLostItsLease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	r.Answer = func(_ http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			_, err := h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET leased_by = gen_random_uuid()`)
			require.NoError(t, err)
		}
		<-time.After(20 * time.Millisecond)
	}
	e, _ := h.listen(t, fixture.Owner(book), r, "book.paused")
	h.tell(t, book, 200)
	h.dispatch(t, 200)
	sent, err := h.webhooks.Deliver(t.Context(), e.ID)
	require.NoError(t, err)
	require.Less(t, len(r.Got()), 100, "what is sent until attempts are written down again, at most")
	require.Equal(t, sent.Delivered, h.count(t, `SELECT count(*) FROM webhook_attempts`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM webhook_endpoints WHERE leased_by IS NOT NULL`), "the other one's lease stays")
}

// A replay whose span begins in the middle of a transaction sends all of it, as
// it was sent before.
func TestAReplayTakesTransactionsWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	owner := fixture.Owner(book)
	r := fixture.NewReceiver(t)
	e, _ := h.listen(t, owner, r, "coupon.disabled")
	_, err := h.pool.Exec(t.Context(), `
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, data, created_at)
		SELECT 'coupon.disabled', book_id, id, 1, '{"from": "UNASSIGNED", "to": "UNASSIGNED"}', now() + n * interval '1 second'
		FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM coupons) c`)
	require.NoError(t, err)
	h.settle(t)
	require.Equal(t, 1, h.deliver(t, e).Delivered)
	var third time.Time
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT created_at FROM events WHERE type = 'coupon.disabled' ORDER BY id OFFSET 2 LIMIT 1`).Scan(&third))
	for _, span := range [][2]time.Time{{third, third.Add(time.Hour)}, {third.Add(-time.Hour), third}} {
		replay, err := h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: e.ID, From: span[0], To: span[1]})
		require.NoError(t, err)
		h.run(t, replay.Job)
		h.deliver(t, e)
	}
	got := r.Got()
	require.Len(t, got, 3)
	for _, m := range got {
		require.Equal(t, got[0].ID, m.ID)
		require.JSONEq(t, string(got[0].Body), string(m.Body))
	}
	var data coupon.CouponsData
	require.NoError(t, json.Unmarshal(got[0].Data, &data))
	require.Len(t, data.Coupons, 5)
}

// A callback does not follow an endpoint that has moved to another origin, and
// the endpoint does not suffer for it.
func TestACallbackToAnOldOrigin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := fixture.Owner(book)
	before, after := fixture.NewReceiver(t), fixture.NewReceiver(t)
	e, _ := h.listen(t, owner, before, "book.closed")
	_, err := h.claims.Submit(t.Context(), owner, service.ClaimRequest{BookID: book.ID, Count: 1, CallbackURL: before.URL + "/done"})
	require.NoError(t, err)
	_, err = h.webhooks.EditEndpoint(t.Context(), owner, e.ID, nil, nil, func(s *coupon.EndpointSettings) { s.URL = after.URL })
	require.NoError(t, err)
	h.drain(t, book.ID)
	h.dispatch(t, 1)
	require.Equal(t, 1, h.deliver(t, e).Failed)
	require.Equal(t, coupon.DeliveryFailed, h.onlyDelivery(t, e).Status)
	require.Empty(t, append(before.Got(), after.Got()...))
	require.Zero(t, h.endpoint(t, e.ID).Failures)
}

// A test of a disabled endpoint comes to its end, though the sweeper cancels
// what else waits for it.
func TestATestOfADisabledEndpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := fixture.User(t, h.pool, coupon.Admin)
	r := fixture.NewReceiver(t)
	e, _ := h.listen(t, admin, r, "*")
	disabled := coupon.EndpointDisabled
	_, err := h.webhooks.EditEndpoint(t.Context(), admin, e.ID, nil, &disabled, func(*coupon.EndpointSettings) {})
	require.NoError(t, err)
	r.Answer = func(http.ResponseWriter, *http.Request, int) {
		require.NoError(t, h.webhooks.SweepDeliveries(t.Context()))
	}
	delivery, _, err := h.webhooks.TestEndpoint(t.Context(), admin, e.ID)
	require.NoError(t, err)
	require.Equal(t, coupon.DeliverySucceeded, delivery.Status)
	require.Equal(t, coupon.DeliverySucceeded, h.onlyDelivery(t, e).Status)
	_, _, err = h.webhooks.TestEndpoint(t.Context(), admin, uuid.New())
	require.ErrorIs(t, err, coupon.ErrEndpointNotFound)
}

// The dispatcher does not ring for an endpoint that is left alone.
func TestNoBellForWhoIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	h.listen(t, fixture.Owner(book), fixture.NewReceiver(t), "book.paused")
	_, err := h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET open_until = now() + interval '1 hour', trips = 1`)
	require.NoError(t, err)
	h.tell(t, book, 3)
	h.dispatch(t, 3)
	h.service.Close()
	require.Empty(t, h.queue.Rung)
}
