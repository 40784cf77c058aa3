package service_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// listen registers the receiver as an endpoint.
func (h *house) listen(t *testing.T, p auth.Principal, r *fixture.Receiver, events ...string) (coupon.Endpoint, string) {
	t.Helper()
	endpoint, secret, err := h.webhooks.CreateEndpoint(t.Context(), p, coupon.EndpointSettings{URL: r.URL, Events: events})
	require.NoError(t, err)
	return endpoint, secret
}

// dispatch deals events out. Other tests' transactions hold it back for a moment.
func (h *house) dispatch(t *testing.T, wantDeliveries int) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		return h.count(t, `SELECT count(*) FROM webhook_deliveries`) >= wantDeliveries
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, wantDeliveries, h.count(t, `SELECT count(*) FROM webhook_deliveries`))
}

// deliver sends what is due, retries as if their time had come.
func (h *house) deliver(t *testing.T, endpoint coupon.Endpoint) service.Sent {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'`)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET open_until = now() WHERE open_until > now()`)
	require.NoError(t, err)
	sent, err := h.webhooks.Deliver(t.Context(), endpoint.ID)
	require.NoError(t, err)
	return sent
}

// pauseBook tells one event of a book.
func (h *house) pauseBook(t *testing.T, book coupon.Book) {
	t.Helper()
	_, err := h.service.MoveBook(t.Context(), fixture.Owner(book), book.ID, coupon.Paused)
	require.NoError(t, err)
}

// A claim's owner is told of the grant and of the job; each once, signed, with
// the code masked.
func TestAClaimIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	all, some := fixture.NewReceiver(t), fixture.NewReceiver(t)
	endpoint, secret := h.listen(t, fixture.Owner(book), all, "*")
	granted, _ := h.listen(t, fixture.Owner(book), some, "coupon.*")
	user := fixture.User(t, h.pool, coupon.UserRole)
	got, err := h.claim(t, user, book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	h.dispatch(t, 3)
	require.Equal(t, service.Sent{Delivered: 2}, h.deliver(t, endpoint))
	require.Equal(t, service.Sent{Delivered: 1}, h.deliver(t, granted))
	require.Equal(t, service.Sent{}, h.deliver(t, endpoint), "each once")
	all.Verify(secret)
	types := []string{all.Got()[0].Type, all.Got()[1].Type}
	slices.Sort(types)
	require.Equal(t, []string{"coupon.assigned", "job.succeeded"}, types)
	code := h.job(t, got.Job.ID).Coupons[0].Code
	for _, m := range append(all.Got(), some.Got()...) {
		require.NotContains(t, string(m.Body), code)
		require.Contains(t, string(m.Body), coupon.MaskCode(code))
		require.Contains(t, string(m.Body), user.UserID.String())
	}
}

// Who asked for codes gets them, with the e-mail to send them to.
func TestCodesForWhoSendsMail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	r := fixture.NewReceiver(t)
	endpoint, _, err := h.webhooks.CreateEndpoint(t.Context(), fixture.Owner(book),
		coupon.EndpointSettings{URL: r.URL, Events: []string{"coupon.assigned"}, IncludeCodes: true, BookIDs: []uuid.UUID{book.ID}})
	require.NoError(t, err)
	got, err := h.claims.Submit(t.Context(), fixture.Owner(book), service.ClaimRequest{
		BookID: book.ID, Count: 3, For: coupon.UserRef{Email: "eve@example.com"}, CreateMissing: true,
	})
	require.NoError(t, err)
	h.drain(t, book.ID)
	h.dispatch(t, 1)
	h.deliver(t, endpoint)
	require.Len(t, r.Got(), 1, "what one job got travels together")
	for _, c := range h.job(t, got.Job.ID).Coupons {
		require.Contains(t, string(r.Got()[0].Body), c.Code)
	}
	require.Contains(t, string(r.Got()[0].Body), "eve@example.com")
}

// Managers hear of their own books only; admins of all; nobody of what he did
// not ask for.
func TestWhoHearsOfWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 1, 0), fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	mine, _ := h.listen(t, fixture.Owner(book), r, "book.paused")
	h.listen(t, fixture.Owner(book), r, "book.closed")
	theirs, _ := h.listen(t, fixture.Owner(other), r, "*")
	admin, _ := h.listen(t, fixture.User(t, h.pool, coupon.Admin), r, "book.*")
	h.pauseBook(t, book)
	h.dispatch(t, 2)
	require.Equal(t, 1, h.deliver(t, mine).Delivered)
	require.Zero(t, h.deliver(t, theirs).Delivered)
	require.Equal(t, 1, h.deliver(t, admin).Delivered)
	require.Equal(t, r.Got()[0].Body, r.Got()[1].Body)
}

// A distribution of 1,001 coupons is some messages of many, not 1,001 of one.
func TestBulkTravelsTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1001, 0)
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), fixture.Users(t, h.pool, 1001))
	r := fixture.NewReceiver(t)
	endpoint, secret := h.listen(t, fixture.Owner(book), r, "coupon.assigned")
	h.distribute(t, book, pool, service.DistributionRequest{Terms: equal(1)})
	require.Eventually(t, func() bool {
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		return h.count(t, `SELECT coalesce(sum(events), 0) FROM webhook_deliveries`) == 1001
	}, time.Minute, 20*time.Millisecond)
	h.deliver(t, endpoint)
	require.Less(t, len(r.Got()), 8)
	r.Verify(secret)
	told := map[uuid.UUID]bool{}
	for _, m := range r.Got() {
		var data coupon.CouponsData
		require.NoError(t, json.Unmarshal(m.Data, &data))
		require.LessOrEqual(t, len(data.Coupons), coupon.MaxEventsTogether)
		for _, c := range data.Coupons {
			require.False(t, told[c.ID])
			told[c.ID] = true
		}
	}
	require.Len(t, told, 1001)
}

// 500s, then success: the same message each time, by the schedule.
func TestRetries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	r.Answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		w.WriteHeader(map[bool]int{true: http.StatusInternalServerError, false: http.StatusOK}[n < 3])
	}
	endpoint, secret := h.listen(t, fixture.Owner(book), r, "book.*")
	h.pauseBook(t, book)
	h.dispatch(t, 1)
	require.Equal(t, service.Sent{Failed: 1}, h.deliver(t, endpoint))
	d := h.onlyDelivery(t, endpoint)
	require.Equal(t, coupon.DeliveryPending, d.Status)
	require.InDelta(t, 5, time.Until(d.NextAttemptAt).Seconds(), 2, "5 s and a little jitter")
	require.Equal(t, service.Sent{Failed: 1}, h.deliver(t, endpoint))
	require.InDelta(t, 300, time.Until(h.onlyDelivery(t, endpoint).NextAttemptAt).Seconds(), 62)
	require.Equal(t, service.Sent{Delivered: 1}, h.deliver(t, endpoint))
	d = h.onlyDelivery(t, endpoint)
	require.Equal(t, coupon.DeliverySucceeded, d.Status)
	require.Equal(t, 3, d.Attempts)
	r.Verify(secret)
	got := r.Got()
	require.Equal(t, got[0].ID, got[2].ID)
	require.Equal(t, got[0].Body, got[2].Body)
	details, err := h.webhooks.Delivery(t.Context(), fixture.Owner(book), d.ID)
	require.NoError(t, err)
	require.JSONEq(t, string(got[0].Body), string(details.Body))
	require.Len(t, details.Attempts, 3)
	require.Equal(t, 500, *details.Attempts[0].StatusCode)
	require.Equal(t, "status", *details.Attempts[0].Error)
	require.NotEmpty(t, details.Attempts[0].RequestHeaders["Webhook-Signature"])
	require.Nil(t, details.Attempts[2].Error)
}

// A delivery is given up after its last try, and can be begun anew.
func TestTheLastTry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	r.Answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		w.WriteHeader(map[bool]int{true: http.StatusBadRequest, false: http.StatusOK}[n <= coupon.MaxTries])
	}
	endpoint, _ := h.listen(t, fixture.Owner(book), r, "book.*")
	h.pauseBook(t, book)
	h.dispatch(t, 1)
	for range coupon.MaxTries {
		require.Equal(t, 1, h.deliver(t, endpoint).Failed)
	}
	require.Equal(t, service.Sent{}, h.deliver(t, endpoint))
	d := h.onlyDelivery(t, endpoint)
	require.Equal(t, coupon.DeliveryFailed, d.Status)
	_, err := h.webhooks.Redeliver(t.Context(), fixture.Owner(book), d.ID)
	require.NoError(t, err)
	require.Equal(t, service.Sent{Delivered: 1}, h.deliver(t, endpoint))
	_, err = h.webhooks.Redeliver(t.Context(), fixture.User(t, h.pool, coupon.Manager), d.ID)
	require.ErrorIs(t, err, coupon.ErrDeliveryNotFound)
}

// 429 and 503 say when to come again.
func TestRetryAfterIsHeard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	r := fixture.NewReceiver(t)
	r.Answer = func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	endpoint, _ := h.listen(t, fixture.Owner(book), r, "book.*")
	h.pauseBook(t, book)
	h.dispatch(t, 1)
	h.deliver(t, endpoint)
	require.InDelta(t, 7200, time.Until(h.onlyDelivery(t, endpoint).NextAttemptAt).Seconds(), 60)
}

// 410 and webhook-delivery: disable end an endpoint; what waits is canceled,
// and a replay makes up for it once the endpoint is enabled again.
func TestAnEndpointThatWantsNoMore(t *testing.T) {
	t.Parallel()
	for reason, answer := range map[coupon.DisabledReason]func(http.ResponseWriter){
		coupon.DisabledGone:  func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) },
		coupon.DisabledAsked: func(w http.ResponseWriter) { w.Header().Set("webhook-delivery", "disable") },
	} {
		h := newHouse(t)
		book := fixture.Book(t, h.pool, 1, 0)
		owner := fixture.Owner(book)
		r := fixture.NewReceiver(t)
		r.Answer = func(w http.ResponseWriter, _ *http.Request, n int) {
			if n == 1 {
				answer(w)
			}
		}
		endpoint, _ := h.listen(t, owner, r, "book.*")
		since := endpoint.CreatedAt // a span that begins before has what it was never sent, too
		h.pauseBook(t, book)
		h.dispatch(t, 1)
		h.deliver(t, endpoint)
		ended, err := h.webhooks.Endpoint(t.Context(), owner, endpoint.ID)
		require.NoError(t, err)
		require.Equal(t, coupon.EndpointDisabled, ended.Status)
		require.Equal(t, reason, *ended.DisabledReason)
		require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = 'webhook_endpoint.disabled'`))
		_, err = h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: endpoint.ID, From: since, To: time.Now()})
		require.ErrorIs(t, err, coupon.ErrEndpointDisabled)
		_, err = h.webhooks.Redeliver(t.Context(), owner, h.onlyDelivery(t, endpoint).ID)
		require.ErrorIs(t, err, coupon.ErrEndpointDisabled)

		_, err = h.service.MoveBook(t.Context(), owner, book.ID, coupon.Closed) // it is not told of that
		require.NoError(t, err)
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		enabled := coupon.EndpointEnabled
		_, err = h.webhooks.EditEndpoint(t.Context(), owner, endpoint.ID, nil, &enabled, func(*coupon.EndpointSettings) {})
		require.NoError(t, err)
		h.settle(t)
		replay, err := h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: endpoint.ID, From: since, To: time.Now()})
		require.NoError(t, err)
		_, err = h.service.RunBulk(t.Context(), replay.Job.Kind, replay.Job.ID)
		require.NoError(t, err)
		require.Equal(t, coupon.Succeeded, h.job(t, replay.Job.ID).Status)
		require.Equal(t, 2, h.deliver(t, endpoint).Delivered)
		got := r.Got()
		require.Contains(t, []string{got[1].ID, got[2].ID}, got[0].ID, "the same webhook-id")
		require.Contains(t, []string{got[1].Type, got[2].Type}, "book.closed")
	}
}

// settle has the dispatcher come to the end of all events.
func (h *house) settle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		return h.count(t, `SELECT count(*) FROM events WHERE xact > (SELECT xact FROM webhook_cursor)`) == 0
	}, time.Minute, 20*time.Millisecond)
}

func (h *house) onlyDelivery(t *testing.T, e coupon.Endpoint) coupon.Delivery {
	t.Helper()
	all, err := h.store.Deliveries(t.Context(), e.ID, service.DeliveryFilter{}, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}
