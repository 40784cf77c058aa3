package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// endpoint registers a receiver.
func (h *house) endpoint(t *testing.T, credential string, r *fixture.Receiver, events ...string) endpointBody {
	t.Helper()
	var endpoint endpointBody
	got := h.call(t, credential, http.MethodPost, Prefix+"/webhooks", map[string]any{"url": r.URL, "events": events})
	require.Equal(t, http.StatusCreated, got.status, "%s", got.body)
	got.read(t, &endpoint)
	return endpoint
}

// The life of an endpoint: its secret is shown when it is made and when it is
// changed, and never else.
func TestAnEndpointsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager, other := h.person(t, coupon.Manager), h.person(t, coupon.Manager)
	r := fixture.NewReceiver(t)
	made := h.endpoint(t, manager, r, "coupon.*", "job.failed")
	require.True(t, strings.HasPrefix(made.Secret, "whsec_"))
	path := Prefix + "/webhooks/" + made.ID.String()

	got := h.call(t, manager, http.MethodGet, path, nil)
	require.NotContains(t, string(got.body), "whsec_")
	etag := got.header.Get("ETag")
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, ""}, {http.MethodPatch, ""}, {http.MethodDelete, ""}, {http.MethodPost, "/test"}, {http.MethodPost, "/rotate-secret"}, {http.MethodGet, "/deliveries"},
	} {
		var body any
		if c.method == http.MethodPatch {
			body = map[string]any{"description": "mine"}
		}
		require.Equal(t, "webhook_not_found", h.call(t, other, c.method, path+c.path, body).problem.Code, c.path)
	}

	got = h.call(t, manager, http.MethodPatch, path, map[string]any{"description": "till", "status": "paused"}, "If-Match", etag)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.Equal(t, "webhook_changed", h.call(t, manager, http.MethodPatch, path, map[string]any{"description": "x"}, "If-Match", etag).problem.Code)
	var list page[endpointBody]
	h.call(t, manager, http.MethodGet, Prefix+"/webhooks", nil).read(t, &list)
	require.Len(t, list.Data, 1)
	require.Equal(t, coupon.EndpointPaused, list.Data[0].Status)
	h.call(t, other, http.MethodGet, Prefix+"/webhooks", nil).read(t, &list)
	require.Empty(t, list.Data)
	h.call(t, h.person(t, coupon.Admin), http.MethodGet, Prefix+"/webhooks", nil).read(t, &list)
	require.Len(t, list.Data, 1)

	var rotated endpointBody
	h.call(t, manager, http.MethodPost, path+"/rotate-secret", nil).read(t, &rotated)
	require.NotEqual(t, made.Secret, rotated.Secret)
	require.NotNil(t, rotated.OldSecretUntil)
	require.Equal(t, http.StatusNoContent, h.call(t, manager, http.MethodDelete, path, nil).status)
	require.Equal(t, "webhook_not_found", h.call(t, manager, http.MethodGet, path, nil).problem.Code)
}

// Bad settings are told at their fields.
func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	manager := h.person(t, coupon.Manager)
	for pointer, body := range map[string]map[string]any{
		"/url":        {"url": "https://169.254.169.254/latest", "events": []string{"*"}},
		"/events/0":   {"url": "http://127.0.0.1:9/", "events": []string{"nothing.*"}},
		"/book_ids/0": {"url": "http://127.0.0.1:9/", "events": []string{"*"}, "book_ids": []string{book.ID.String()}},
	} {
		got := h.call(t, manager, http.MethodPost, Prefix+"/webhooks", body)
		require.Equal(t, "invalid_input", got.problem.Code)
		require.Equal(t, pointer, got.problem.Errors[0].Pointer)
	}
	fine := map[string]any{"url": "http://127.0.0.1:9/", "events": []string{"*"}}
	for range 50 {
		require.Equal(t, http.StatusCreated, h.call(t, manager, http.MethodPost, Prefix+"/webhooks", fine).status)
	}
	require.Equal(t, "too_many_webhooks", h.call(t, manager, http.MethodPost, Prefix+"/webhooks", fine).problem.Code)
}

// A test is sent at once; what the receiver answers is for admins. Ten a
// minute are enough.
func TestTestingAnEndpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager, admin := h.person(t, coupon.Manager), h.person(t, coupon.Admin)
	r := fixture.NewReceiver(t)
	r.Answer = func(w http.ResponseWriter, _ *http.Request, n int) {
		if n > 1 {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write([]byte("secret of the inside"))
	}
	endpoint := h.endpoint(t, manager, r, "*")
	path := Prefix + "/webhooks/" + endpoint.ID.String()
	var got struct {
		Delivery DeliveryBody
		Attempt  attemptBody
	}
	h.call(t, manager, http.MethodPost, path+"/test", nil).read(t, &got)
	require.Equal(t, coupon.DeliverySucceeded, got.Delivery.Status)
	require.Equal(t, 200, *got.Attempt.StatusCode)
	require.Nil(t, got.Attempt.ResponseBody)
	r.Verify(endpoint.Secret)
	require.Equal(t, "webhook.test", r.Got()[0].Type)
	h.call(t, admin, http.MethodPost, path+"/test", nil).read(t, &got)
	require.Equal(t, coupon.DeliveryFailed, got.Delivery.Status, "nothing follows from it")
	require.Equal(t, "secret of the inside", *got.Attempt.ResponseBody)
	for range 8 {
		require.Equal(t, http.StatusOK, h.call(t, manager, http.MethodPost, path+"/test", nil).status)
	}
	refused := h.call(t, manager, http.MethodPost, path+"/test", nil)
	require.Equal(t, "too_many_tests", refused.problem.Code)
	require.Equal(t, http.StatusTooManyRequests, refused.status)
	require.Equal(t, "60", refused.header.Get("Retry-After"))

	var list page[DeliveryBody]
	h.call(t, manager, http.MethodGet, path+"/deliveries?status=failed&limit=4", nil).read(t, &list)
	require.Len(t, list.Data, 4)
	first := list.Data[0]
	h.call(t, manager, http.MethodGet, path+"/deliveries?status=failed&limit=4&cursor="+*list.NextCursor, nil).read(t, &list)
	require.Less(t, list.Data[0].ID, first.ID)
	delivery := Prefix + "/deliveries/" + strconv.FormatInt(first.ID, 10)
	var details deliveryDetailsBody
	h.call(t, manager, http.MethodGet, delivery, nil).read(t, &details)
	require.Len(t, details.Log, 1)
	require.Nil(t, details.Log[0].ResponseBody)
	require.Contains(t, string(details.Body), "webhook.test")
	require.Equal(t, "delivery_not_found", h.call(t, h.person(t, coupon.Manager), http.MethodGet, delivery, nil).problem.Code)
	require.Equal(t, "delivery_not_found", h.call(t, manager, http.MethodGet, Prefix+"/deliveries/999999", nil).problem.Code)
	var again DeliveryBody
	h.call(t, manager, http.MethodPost, delivery+"/redeliver", nil).read(t, &again)
	require.Equal(t, coupon.DeliveryPending, again.Status)
	require.NotNil(t, again.NextAttemptAt)
	h.call(t, manager, http.MethodPatch, path, map[string]any{"status": "disabled"})
	require.Equal(t, "webhook_disabled", h.call(t, manager, http.MethodPost, delivery+"/redeliver", nil).problem.Code)
}

// A replay is a job; its result tells how many deliveries it began.
func TestReplayOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	endpoint := h.endpoint(t, manager, fixture.NewReceiver(t), "*")
	path := Prefix + "/webhooks/" + endpoint.ID.String() + "/replay"
	body := map[string]any{"from": time.Now().Add(-time.Hour)}
	got := h.call(t, manager, http.MethodPost, path, body, "Idempotency-Key", "once")
	require.Equal(t, http.StatusAccepted, got.status, "%s", got.body)
	var job jobBody
	got.read(t, &job)
	require.Equal(t, job.ID.String(), h.jobID(t, h.call(t, manager, http.MethodPost, path, body, "Idempotency-Key", "once")))
	_, err := h.service.RunBulk(t.Context(), coupon.ReplayJob, job.ID)
	require.NoError(t, err)
	h.call(t, manager, http.MethodGet, job.Links.Self, nil).read(t, &job)
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, endpoint.ID, job.Result.Replay.EndpointID)
}

func (h *house) jobID(t *testing.T, a answer) string {
	t.Helper()
	var job jobBody
	a.read(t, &job)
	return job.ID.String()
}

// A claim with a callback: the URL must be on the origin of an endpoint.
func TestCallbackOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2, 0)
	owner := h.token(t, fixture.Owner(book))
	r := fixture.NewReceiver(t)
	body := map[string]any{"callback_url": r.URL + "/claims"}
	require.Equal(t, "/callback_url", h.call(t, owner, http.MethodPost, bookPath(book, "/claims"), body).problem.Errors[0].Pointer)
	h.endpoint(t, owner, r, "job.canceled")
	require.Equal(t, http.StatusAccepted, h.call(t, owner, http.MethodPost, bookPath(book, "/claims"), body).status)
}

// The list of events: in order, once each, from where the reader was.
func TestEventsOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2, 0)
	key, _ := h.key(t, coupon.Admin, auth.EventsRead)
	var page struct {
		Data []struct {
			ID, Type string
			Data     json.RawMessage
		}
		NextCursor string `json:"next_cursor"`
		HasMore    bool   `json:"has_more"`
	}
	path := Prefix + "/events?limit=1&book_id=" + book.ID.String()
	h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, "/pause"), nil)
	h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, "/activate"), nil)
	var types []string
	cursor := ""
	require.Eventually(t, func() bool {
		h.call(t, key, http.MethodGet, path+"&types=book.paused,book.activated&after="+cursor, nil).read(t, &page)
		for _, e := range page.Data {
			types = append(types, e.Type)
		}
		cursor = page.NextCursor
		return len(types) >= 2 && types[len(types)-1] == "book.activated" && types[len(types)-2] == "book.paused"
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "invalid_input", h.call(t, key, http.MethodGet, Prefix+"/events?types=book.nope", nil).problem.Code)
	unsigned := h.call(t, key, http.MethodGet, Prefix+"/events?after=abc", nil).problem
	require.Equal(t, "invalid_input", unsigned.Code)
	require.Equal(t, "after", unsigned.Errors[0].Pointer)
	_, err := h.pool.Exec(t.Context(), `UPDATE event_epoch SET epoch = epoch + 1`) // as after a restore
	require.NoError(t, err)
	restored := h.call(t, key, http.MethodGet, Prefix+"/events?after="+cursor, nil)
	require.Equal(t, http.StatusGone, restored.status)
	require.Equal(t, "events_restored", restored.problem.Code)
	require.Equal(t, "invalid_input", h.call(t, key, http.MethodGet, Prefix+"/events?book_id=abc", nil).problem.Code)
	require.Equal(t, "webhook_not_found", h.call(t, h.person(t, coupon.Manager), http.MethodGet, Prefix+"/webhooks/"+uuid.NewString(), nil).problem.Code)
}
