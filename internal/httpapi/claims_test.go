package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// Without patience the answer is 202 with a place to look; with it, the code in
// one round trip, and 202 again when nobody works in time.
func TestClaimAndWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	path := bookPath(book, "/claims")
	h.works = false
	got := h.call(t, h.person(t, coupon.UserRole), http.MethodPost, path, nil, "Prefer", "wait=1")
	require.Equal(t, http.StatusAccepted, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, "wait=1", got.header.Get("Preference-Applied"))
	var waiting jobBody
	got.read(t, &waiting)
	require.False(t, waiting.Done)
	require.EqualValues(t, 1, *waiting.Position)

	h.works = true
	ann := h.person(t, coupon.UserRole)
	got = h.call(t, ann, http.MethodPost, path, nil, "Prefer", "respond-async, wait=5")
	require.Equal(t, http.StatusOK, got.status)
	require.Empty(t, got.header.Get("Retry-After"))
	var job jobBody
	got.read(t, &job)
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Len(t, job.Result.Coupons, 1)
	require.Equal(t, Prefix+"/jobs/"+job.ID.String(), got.header.Get("Location"))
	require.Equal(t, got.header.Get("Location"), job.Links.Self)

	var mine page[couponBody]
	h.call(t, ann, http.MethodGet, Prefix+"/me/coupons", nil).read(t, &mine)
	require.Len(t, mine.Data, 1)
	require.Equal(t, job.Result.Coupons[0].Code, mine.Data[0].Code)
	fixture.Verify(t, h.pool)
}

// The same key brings the same job, quoted or not, a hundred times at once,
// and after everything is sold; another request with it is refused.
func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	ann, ben := h.person(t, coupon.UserRole), h.person(t, coupon.UserRole)
	path := bookPath(book, "/claims")
	ids := make([]uuid.UUID, 100)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			key := "k"
			if i%2 == 0 {
				key = `"k"`
			}
			var job jobBody
			h.call(t, ann, http.MethodPost, path, nil, "Idempotency-Key", key).read(t, &job)
			ids[i] = job.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, 1, h.jobs(t))
	again := func() answer {
		return h.call(t, ann, http.MethodPost, path, nil, "Idempotency-Key", "k", "Prefer", "wait=5")
	}
	require.Equal(t, 200, again().status)
	require.Equal(t, "sold_out", h.call(t, ben, http.MethodPost, path, nil).problem.Code)
	got := again()
	require.Equal(t, "true", got.header.Get("Idempotency-Replayed"))
	var job jobBody
	got.read(t, &job)
	require.Len(t, job.Result.Coupons, 1, "the winner's own code")
	other := h.call(t, ann, http.MethodPost, path, map[string]any{"count": 2}, "Idempotency-Key", "k")
	require.Equal(t, 422, other.status)
	require.Equal(t, "idempotency_key_reused", other.problem.Code)
	require.Equal(t, 1, h.jobs(t), "refusals behind the latch store nothing")
}

// A shop claims for its customers by what it calls them; who has had enough is
// told what he holds.
func TestClaimsForOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 9, 1)
	key, _ := h.key(t, coupon.Admin, "claims:write")
	claim := func(credential string, body map[string]any) answer {
		return h.call(t, credential, http.MethodPost, bookPath(book, "/claims"), body, "Prefer", "wait=5")
	}
	for _, user := range []map[string]any{{"external_id": "c-1"}, {"email": "New@Example.com"}} {
		var job jobBody
		claim(key, map[string]any{"user": user, "create_missing": true}).read(t, &job)
		require.Equal(t, coupon.Succeeded, job.Status)
	}
	got := claim(h.token(t, fixture.Owner(book)), map[string]any{"user": map[string]any{"email": "new@example.com"}})
	var job jobBody
	got.read(t, &job)
	require.Equal(t, 200, got.status, "the job failed, the request did not")
	require.Equal(t, "limit_reached", job.Error.Code)
	require.Len(t, job.Error.Coupons, 1)
	require.Nil(t, job.Result)
	require.Equal(t, "book_not_found", claim(h.person(t, coupon.Manager), map[string]any{"user": map[string]any{"email": "new@example.com"}}).problem.Code)
}

// Lists go on where they ended; a damaged cursor, and one of another list, is
// an error and never page one.
func TestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := h.person(t, coupon.UserRole)
	for range 5 {
		book := fixture.Book(t, h.pool, 1, 0)
		require.Equal(t, 200, h.call(t, user, http.MethodPost, bookPath(book, "/claims"), nil, "Prefer", "wait=5").status)
	}
	for _, list := range []string{"/jobs", "/me/coupons"} {
		seen, cursor := map[string]bool{}, ""
		for pages := 1; ; pages++ {
			var got struct {
				Data []struct {
					ID string `json:"id"`
				} `json:"data"`
				NextCursor *string `json:"next_cursor"`
			}
			h.call(t, user, http.MethodGet, fmt.Sprintf("%s%s?limit=2&cursor=%s", Prefix, list, cursor), nil).read(t, &got)
			for _, item := range got.Data {
				seen[item.ID] = true
			}
			if got.NextCursor == nil {
				require.Equal(t, 3, pages)
				break
			}
			cursor = *got.NextCursor
		}
		require.Len(t, seen, 5)
		damaged := strings.Map(func(r rune) rune { return r ^ 1 }, cursor[:1]) + cursor[1:]
		for _, bad := range []string{"x", cursor + "xx", url.QueryEscape(damaged)} {
			require.Equal(t, 422, h.call(t, user, http.MethodGet, Prefix+list+"?cursor="+bad, nil).status)
		}
		other := map[string]string{"/jobs": "/me/coupons", "/me/coupons": "/jobs"}[list]
		require.Equal(t, 422, h.call(t, user, http.MethodGet, Prefix+other+"?cursor="+cursor, nil).status)
	}
	require.Equal(t, 422, h.call(t, user, http.MethodGet, Prefix+"/jobs?limit=501", nil).status)
	require.Equal(t, 422, h.call(t, user, http.MethodGet, Prefix+"/jobs?book_id=x", nil).status)
}
