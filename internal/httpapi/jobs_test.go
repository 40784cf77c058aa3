package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// queued is a claim that nobody has decided, as its claimant sees it.
func (h *house) queued(t *testing.T, who string, book coupon.Book) jobBody {
	t.Helper()
	h.works = false
	var job jobBody
	h.call(t, who, http.MethodPost, bookPath(book, "/claims"), nil).read(t, &job)
	return job
}

// Who polls with the tag he has gets 304 until something has changed; with
// patience too, an answer as soon as it has.
func TestPollingWithATag(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	ann := h.person(t, coupon.UserRole)
	job := h.queued(t, ann, book)
	got := h.call(t, ann, http.MethodGet, job.Links.Self, nil)
	tag := got.header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	for _, prefer := range []string{"", "wait=1"} {
		same := h.call(t, ann, http.MethodGet, job.Links.Self, nil, "If-None-Match", tag, "Prefer", prefer)
		require.Equal(t, http.StatusNotModified, same.status)
		require.Empty(t, same.body)
		require.Equal(t, tag, same.header.Get("ETag"))
		require.Equal(t, prefer, same.header.Get("Preference-Applied"))
	}
	drained := make(chan error, 1)
	go func() {
		for h.api.Followers.Waiting(job.ID) == 0 { // until somebody waits
			<-time.After(time.Millisecond)
		}
		_, err := h.drainer.Drain(t.Context(), book.ID)
		drained <- err
	}()
	changed := h.call(t, ann, http.MethodGet, job.Links.Self, nil, "If-None-Match", tag, "Prefer", "wait=25")
	require.NoError(t, <-drained)
	require.Equal(t, http.StatusOK, changed.status)
	require.NotEqual(t, tag, changed.header.Get("ETag"))
	require.Empty(t, changed.header.Get("Retry-After"))
	changed.read(t, &job)
	require.True(t, job.Done)
	require.GreaterOrEqual(t, job.WaitedMS, int64(1))
	ended := h.call(t, ann, http.MethodGet, job.Links.Self, nil, "If-None-Match", changed.header.Get("ETag"), "Prefer", "wait=25")
	require.Equal(t, http.StatusNotModified, ended.status, "it will not change: nobody waits")
}

// event is one of a stream.
type event struct{ name, id, data string }

// stream reads a job's events; heartbeats are left out.
func (h *house) stream(t *testing.T, server *httptest.Server, who string, job uuid.UUID, lastID string) (*http.Response, func() (event, bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+Prefix+"/jobs/"+job.String()+"/stream", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+who)
	request.Header.Set("Last-Event-ID", lastID)
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	return response, func() (e event, ok bool) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					return e, true
				}
			}
		}
		return e, false
	}
}

// A stream tells where the claim is, then its end, and ends; whoever connects
// anew is not told again what he has.
func TestAStream(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	book := fixture.Book(t, h.pool, 5, 0)
	ahead, ann := h.person(t, coupon.UserRole), h.person(t, coupon.UserRole)
	h.queued(t, ahead, book)
	job := h.queued(t, ann, book)
	response, next := h.stream(t, server, ann, job.ID, "")
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	first, ok := next()
	require.True(t, ok)
	require.Equal(t, "position", first.name)
	require.NoError(t, json.Unmarshal([]byte(first.data), &job))
	require.EqualValues(t, 2, *job.Position)

	_, err := h.pool.Exec(t.Context(), `UPDATE book_stock SET last_drained = 1`)
	require.NoError(t, err)
	require.NoError(t, h.api.Followers.LookAgain(t.Context()))
	second, ok := next()
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte(second.data), &job))
	require.EqualValues(t, 1, *job.Position)
	require.NotEqual(t, first.id, second.id)

	_, again := h.stream(t, server, ann, job.ID, second.id)
	_, err = h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	for _, read := range []func() (event, bool){next, again} {
		end, ok := read()
		require.True(t, ok)
		require.Equal(t, "done", end.name, "what he had came again")
		require.NoError(t, json.Unmarshal([]byte(end.data), &job))
		require.Equal(t, coupon.Succeeded, job.Status)
		require.Len(t, job.Result.Coupons, 1)
		first = end
		_, more := read()
		require.False(t, more, "it ends")
	}
	over, _ := h.stream(t, server, ann, job.ID, first.id)
	require.Equal(t, http.StatusNoContent, over.StatusCode, "browsers do not come again")
	require.Zero(t, h.api.Followers.Waiting(job.ID))
}

// A stream of a bulk job shows its progress.
func TestAStreamOfProgress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	book := fixture.Book(t, h.pool, 0, 0)
	owner := h.token(t, fixture.Owner(book))
	var job jobBody
	h.call(t, owner, http.MethodPost, bookPath(book, "/codes/generate"), map[string]any{"count": 20_000}).read(t, &job)
	_, next := h.stream(t, server, owner, job.ID, "")
	first, _ := next()
	require.Equal(t, "progress", first.name)
	_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET status = 'running', processed = 10, succeeded = 10, started_at = now()`)
	require.NoError(t, err)
	require.NoError(t, h.api.Followers.LookAgain(t.Context()))
	second, _ := next()
	require.NoError(t, json.Unmarshal([]byte(second.data), &job))
	require.Equal(t, 10, job.Progress.Processed)
}

// Nobody follows what he may not see, nor with a token in the address; and who
// leaves is not waited for.
func TestStreamsOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	book := fixture.Book(t, h.pool, 5, 0)
	ann, ben := h.person(t, coupon.UserRole), h.person(t, coupon.UserRole)
	job := h.queued(t, ann, book)
	require.Equal(t, "job_not_found", h.call(t, ben, http.MethodGet, job.Links.Stream, nil).problem.Code)
	require.Equal(t, http.StatusUnauthorized, h.call(t, "", http.MethodGet, job.Links.Stream+"?access_token="+ann, nil).status)
	require.Zero(t, h.api.Followers.Waiting(job.ID))
	response, next := h.stream(t, server, ann, job.ID, "")
	_, ok := next()
	require.True(t, ok)
	require.Equal(t, 1, h.api.Followers.Waiting(job.ID))
	require.NoError(t, response.Body.Close())
	require.Eventually(t, func() bool { return h.api.Followers.Waiting(job.ID) == 0 }, 10*time.Second, time.Millisecond)

	_, next = h.stream(t, server, ann, job.ID, "")
	_, ok = next()
	require.True(t, ok)
	h.api.Followers.Close()
	_, ok = next()
	require.False(t, ok, "the process stops")
}

// A batch of claims through the door: an outcome per item, as page and as CSV.
func TestClaimBatch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := h.token(t, fixture.Owner(book))
	path := bookPath(book, "/claims/batch")
	body := map[string]any{"create_missing": true, "items": []map[string]any{
		{"item_id": "a", "user": map[string]any{"email": "ann@example.com"}}, {"item_id": "b", "user": map[string]any{"external_id": "7"}},
	}}
	got := h.call(t, owner, http.MethodPost, path, body, "Idempotency-Key", "k")
	require.Equal(t, http.StatusAccepted, got.status)
	require.Equal(t, "true", h.call(t, owner, http.MethodPost, path, body, "Idempotency-Key", "k").header.Get("Idempotency-Replayed"))
	var job jobBody
	got.read(t, &job)
	require.Equal(t, coupon.BatchJob, job.Kind)
	_, err := h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	var outcomes page[outcomeBody]
	h.call(t, owner, http.MethodGet, job.Links.Self+"/outcomes", nil).read(t, &outcomes)
	require.Len(t, outcomes.Data, 2)
	require.Equal(t, "a", *outcomes.Data[0].ItemID)
	require.Len(t, outcomes.Data[0].Coupons, 1)
	require.EqualValues(t, "sold_out", *outcomes.Data[1].Reason)
	report := string(h.call(t, owner, http.MethodGet, job.Links.Self+"/outcomes.csv", nil).body)
	require.Contains(t, report, "n,item_id,user_id,user,status,codes,reason,detail")
	require.Contains(t, report, outcomes.Data[0].Coupons[0].Code)

	body["items"] = []map[string]any{{"item_id": "a"}, {"item_id": "b", "user": map[string]any{"email": "x@example.com", "external_id": "1"}}}
	wrong := h.call(t, owner, http.MethodPost, path, body)
	require.Equal(t, 422, wrong.status)
	require.Len(t, wrong.problem.Errors, 2)
	require.Equal(t, "/items/0/user", wrong.problem.Errors[0].Pointer)
	require.Equal(t, http.StatusForbidden, h.call(t, h.person(t, coupon.UserRole), http.MethodPost, path, body).status)
	fixture.Verify(t, h.pool)
}

// A claim that waits is canceled by who made it; an administrator sees what
// failed, and retries it.
func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	ann, admin := h.person(t, coupon.UserRole), h.person(t, coupon.Admin)
	job := h.queued(t, ann, book)
	for range 2 {
		got := h.call(t, ann, http.MethodPost, job.Links.Self+"/cancel", nil)
		got.read(t, &job)
		require.Equal(t, coupon.Canceled, job.Status)
	}
	require.Equal(t, "job_retry", h.call(t, admin, http.MethodPost, job.Links.Self+"/retry", nil).problem.Code)
	require.Equal(t, http.StatusForbidden, h.call(t, ann, http.MethodPost, job.Links.Self+"/retry", nil).status)
	key, _ := h.key(t, coupon.Manager, auth.ClaimsWrite)
	require.Equal(t, "job_not_found", h.call(t, key, http.MethodPost, job.Links.Self+"/cancel", nil).problem.Code, "let in, but it is not his")

	late := h.queued(t, ann, book)
	_, err := h.pool.Exec(t.Context(), `WITH books AS (UPDATE books SET updated_at = updated_at - interval '1 day')
		UPDATE jobs SET created_at = created_at - interval '1 hour' WHERE status = 'queued'`)
	require.NoError(t, err)
	_, err = h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	var failed page[jobBody]
	h.call(t, admin, http.MethodGet, Prefix+"/jobs?status=failed", nil).read(t, &failed)
	require.Len(t, failed.Data, 1)
	require.Equal(t, late.ID, failed.Data[0].ID)
	h.call(t, ann, http.MethodGet, late.Links.Self, nil).read(t, &late)
	require.Equal(t, "expired", late.Error.Code)
	got := h.call(t, admin, http.MethodPost, failed.Data[0].Links.Self+"/retry", nil)
	require.Equal(t, http.StatusAccepted, got.status)
	var again jobBody
	got.read(t, &again)
	require.NotEqual(t, late.ID, again.ID)
	require.Equal(t, late.UserID, again.UserID)
	require.Equal(t, fmt.Sprintf("%s/jobs/%s", Prefix, again.ID), got.header.Get("Location"))
	_, err = h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	fixture.Verify(t, h.pool)
}

// A gate that is shut for load says so with 503, and when to come again.
func TestSheddingIs503(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	h.api.Service.ShedAfter = time.Second
	h.queued(t, h.person(t, coupon.UserRole), book)
	_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET created_at = created_at - interval '2 seconds'`)
	require.NoError(t, err)
	got := h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, "/claims/batch"), map[string]any{
		"create_missing": true, "items": []map[string]any{{"item_id": "a", "user": map[string]any{"email": "ann@example.com"}}},
	})
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "overloaded", got.problem.Code)
	require.Equal(t, "5", got.header.Get("Retry-After"))
}

// The queues tell an administrator what waits, since when, and how fast it goes.
func TestQueues(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 3, 0)
	ann, admin := h.person(t, coupon.UserRole), h.person(t, coupon.Admin)
	h.queued(t, ann, book)
	_, err := h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	h.queued(t, ann, book)
	h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, "/codes/generate"), map[string]any{"count": 10})
	_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET created_at = created_at - interval '10 seconds' WHERE status = 'queued'`)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, h.call(t, ann, http.MethodGet, Prefix+"/queues", nil).status)
	var queues struct{ Data []queueBody }
	h.call(t, admin, http.MethodGet, Prefix+"/queues", nil).read(t, &queues)
	require.Len(t, queues.Data, 4)
	assignments, codes := queues.Data[0], queues.Data[1]
	require.Equal(t, "assignments", assignments.Name)
	require.EqualValues(t, 1, assignments.Waiting)
	require.InDelta(t, 10_000, assignments.OldestMS, 5000)
	require.Positive(t, assignments.PerSecond)
	require.NotNil(t, assignments.Tasks)
	require.EqualValues(t, 1, codes.Waiting)
	require.Nil(t, codes.Tasks, "nothing is known of its tasks")
}
