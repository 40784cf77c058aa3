package httpapi

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// A manager's book from draft to sale: made, changed in part, filled, opened.
func TestABookFromDraftToSale(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	var book bookBody
	got := h.call(t, manager, http.MethodPost, Prefix+"/books", map[string]any{
		"name": " Summer ", "ends_at": "2099-01-01T00:00:00Z", "max_assignments_per_user": 2,
	})
	require.Equal(t, 201, got.status)
	got.read(t, &book)
	require.Equal(t, "Summer", book.Name)
	require.Equal(t, coupon.Draft, book.Status)
	path := Prefix + "/books/" + book.ID.String()

	h.call(t, manager, http.MethodPatch, path, `{"description": "warm", "max_assignments_per_user": null}`).read(t, &book)
	require.Equal(t, "warm", book.Description)
	require.Nil(t, book.MaxAssignmentsPerUser, "null takes the limit away")
	require.NotNil(t, book.EndsAt, "what is left out stays")
	require.Equal(t, 2, book.Version)
	bad := h.call(t, manager, http.MethodPatch, path, `{"name": "", "starts_at": "2100-01-01T00:00:00Z", "max_assignments_per_user": 0}`)
	require.Equal(t, 422, bad.status)
	require.Len(t, bad.problem.Errors, 3)
	require.Equal(t, 422, h.call(t, manager, http.MethodPatch, path, `{"owner_id": "x"}`).status, "not his to set")

	var job jobBody
	got = h.call(t, manager, http.MethodPost, path+"/codes/generate", map[string]any{"count": 7, "pattern": "SUMMER-####-####"})
	require.Equal(t, http.StatusAccepted, got.status)
	got.read(t, &job)
	_, err := h.service.Generate(t.Context(), job.ID)
	require.NoError(t, err)
	h.call(t, manager, http.MethodGet, job.Links.Self, nil).read(t, &job)
	require.Equal(t, progressBody{Total: 7, Processed: 7, Succeeded: 7}, job.Progress)

	for range 2 { // twice does no harm
		h.call(t, manager, http.MethodPost, path+"/activate", nil).read(t, &book)
		require.Equal(t, coupon.Active, book.Status)
	}
	var stats statsBody
	h.call(t, manager, http.MethodGet, path+"/stats", nil).read(t, &stats)
	require.Equal(t, statsBody{Total: 7, Free: 7}, stats)
	require.Equal(t, 200, h.call(t, manager, http.MethodPost, path+"/close", nil).status)
	require.Equal(t, "book_state", h.call(t, manager, http.MethodPost, path+"/activate", nil).problem.Code)
	require.Equal(t, "book_state", h.call(t, manager, http.MethodPost, path+"/codes/generate", map[string]any{"count": 7}).problem.Code)

	var books page[bookBody]
	h.call(t, manager, http.MethodGet, Prefix+"/books", nil).read(t, &books)
	require.Len(t, books.Data, 1, "his own")
	fixture.Book(t, h.pool, 0, 0)
	h.call(t, h.person(t, coupon.Admin), http.MethodGet, Prefix+"/books", nil).read(t, &books)
	require.Len(t, books.Data, 2, "an admin sees all")
}

// Of many who change the book they have read, one does; the others are told
// that it is another book now.
func TestEditsDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner := h.token(t, fixture.Owner(book))
	tag := h.call(t, owner, http.MethodGet, bookPath(book, ""), nil).header.Get("ETag")
	statuses := make(chan int, 20)
	var all sync.WaitGroup
	for range cap(statuses) {
		all.Go(func() {
			statuses <- h.call(t, owner, http.MethodPatch, bookPath(book, ""), `{"name": "Mine"}`, "If-Match", tag).status
		})
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	require.Equal(t, map[int]int{200: 1, 412: 19}, count)
	for match, status := range map[string]int{"*": 200, `W/"1"`: 412, "2": 412, `"x"`: 412, "": 200} {
		got := h.call(t, owner, http.MethodPatch, bookPath(book, ""), `{"name": "Mine"}`, "If-Match", match)
		require.Equal(t, status, got.status, match)
		if status == 412 {
			require.Equal(t, "book_changed", got.problem.Code)
		}
	}
}

// The rules of the till come with the book, have defaults, and are checked.
func TestTillRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	var book bookBody
	h.call(t, manager, http.MethodPost, Prefix+"/books", `{"name": "Plain"}`).read(t, &book)
	require.True(t, book.RequireLock)
	require.Equal(t, 300, book.LockSeconds)
	require.Equal(t, 1, book.MaxRedemptions)
	require.Nil(t, book.MaxRedemptionsPerUser)
	require.Zero(t, book.RollbackWindowSeconds)
	rules := `{"name": "Rich", "require_lock": false, "lock_seconds": 60, "max_redemptions": 3, "max_redemptions_per_user": 2, "rollback_window_seconds": 86400}`
	h.call(t, manager, http.MethodPost, Prefix+"/books", rules).read(t, &book)
	path := Prefix + "/books/" + book.ID.String()
	h.call(t, manager, http.MethodPatch, path, `{"lock_seconds": 90, "max_redemptions_per_user": null}`).read(t, &book)
	require.False(t, book.RequireLock)
	require.Equal(t, 90, book.LockSeconds)
	require.Equal(t, 3, book.MaxRedemptions)
	require.Nil(t, book.MaxRedemptionsPerUser)
	require.Equal(t, 86400, book.RollbackWindowSeconds)
	wrong := h.call(t, manager, http.MethodPatch, path, `{"lock_seconds": 0, "max_redemptions": 0, "max_redemptions_per_user": 0, "rollback_window_seconds": 9223372036854775807}`)
	require.Equal(t, 422, wrong.status)
	pointers := []string{}
	for _, fault := range wrong.problem.Errors {
		pointers = append(pointers, fault.Pointer)
	}
	require.Equal(t, []string{"/lock_seconds", "/max_redemptions", "/max_redemptions_per_user", "/rollback_window_seconds"}, pointers)
}

// Patterns that cannot work are refused before any job is made.
func TestBadPatterns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	for _, body := range []string{`{}`, `{"count": 0}`, `{"count": 5000001}`, `{"count": 1000, "pattern": "X##"}`, `{"count": 1, "pattern": "ö####"}`} {
		got := h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, "/codes/generate"), body)
		require.Equal(t, 422, got.status, body)
		require.NotEmpty(t, got.problem.Errors)
	}
	h.service.Close()
	require.Empty(t, h.queue.Rung)
}

// A key is shown once, works, and is over at once when it is revoked.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	for _, body := range []string{
		`{"name": "x", "scopes": []}`, `{"name": "x", "scopes": ["all"]}`, `{"name": "", "scopes": ["books:read"]}`,
		`{"name": "x", "scopes": ["books:read"], "expires_at": "2001-01-01T00:00:00Z"}`,
		`{"name": "x", "scopes": ["books:read"], "owner_id": "01902f3a-0000-7000-8000-000000000000"}`,
	} {
		require.Equal(t, 422, h.call(t, admin, http.MethodPost, Prefix+"/api-keys", body).status, body)
	}
	var key apiKeyBody
	h.call(t, admin, http.MethodPost, Prefix+"/api-keys", `{"name": "shop", "scopes": ["books:read", "books:read"]}`).read(t, &key)
	require.Equal(t, []string{"books:read"}, key.Scopes)
	require.Equal(t, 200, h.call(t, key.Key, http.MethodGet, Prefix+"/books", nil).status)
	list := h.call(t, admin, http.MethodGet, Prefix+"/api-keys", nil)
	require.Contains(t, string(list.body), key.Prefix)
	require.NotContains(t, string(list.body), key.Key)
	require.Equal(t, 204, h.call(t, admin, http.MethodDelete, Prefix+"/api-keys/"+key.ID.String(), nil).status)
	require.Equal(t, 401, h.call(t, key.Key, http.MethodGet, Prefix+"/books", nil).status)
	require.Equal(t, "api_key_not_found", h.call(t, admin, http.MethodDelete, Prefix+"/api-keys/"+key.ID.String(), nil).problem.Code)
}

// Days mean whole days where the book is; a benefit comes back at the till, to
// the digit; metadata stays with the owner.
func TestDaysAndBenefit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	var book bookBody
	got := h.call(t, manager, http.MethodPost, Prefix+"/books", `{"name": "Kings", "time_zone": "Europe/Madrid",
		"starts_at": "2026-01-06", "ends_at": "2099-01-06", "valid_for_seconds": 60, "low_stock_percent": 5,
		"metadata": {"campaign": 12345678901234567890}, "benefit": {"percent_off": 10}}`)
	require.Equal(t, 201, got.status, "%s", got.body)
	got.read(t, &book)
	require.Equal(t, "2026-01-05T23:00:00Z", book.StartsAt.UTC().Format(time.RFC3339))
	require.Equal(t, "2099-01-06T23:00:00Z", book.EndsAt.UTC().Format(time.RFC3339))
	require.Equal(t, []int{5, 86_400}, []int{book.LowStockPercent, book.EndingSoonSeconds})
	require.JSONEq(t, `{"campaign": 12345678901234567890}`, string(book.Metadata))
	path := Prefix + "/books/" + book.ID.String()
	h.call(t, manager, http.MethodPatch, path, `{"time_zone": "Asia/Kolkata", "ends_at": "2099-01-06"}`).read(t, &book)
	require.Equal(t, "2099-01-06T18:30:00Z", book.EndsAt.UTC().Format(time.RFC3339))
	require.Equal(t, "2026-01-05T23:00:00Z", book.StartsAt.UTC().Format(time.RFC3339), "instants stay")
	require.JSONEq(t, `{"percent_off": 10}`, string(book.Benefit))
	require.Equal(t, http.StatusOK, h.call(t, manager, http.MethodPost, path+"/activate", nil).status)
	var seen bookBody
	h.call(t, h.person(t, coupon.UserRole), http.MethodGet, path, nil).read(t, &seen)
	require.JSONEq(t, `{}`, string(seen.Metadata), "the owner's own")
	require.JSONEq(t, `{"percent_off": 10}`, string(seen.Benefit))
	h.call(t, manager, http.MethodPatch, path, `{"benefit": null, "starts_at": null, "metadata": {}}`).read(t, &book)
	require.Equal(t, "null", string(book.Benefit))
	require.Nil(t, book.StartsAt)
	for _, bad := range []string{
		`{"ends_at": "soon"}`, `{"starts_at": "2026-02-30"}`, `{"time_zone": "Local", "ends_at": "2099-01-06"}`,
		`{"metadata": []}`, `{"valid_for_seconds": -1}`, `{"ending_soon_seconds": -1}`,
	} {
		got := h.call(t, manager, http.MethodPatch, path, bad)
		require.Equal(t, 422, got.status, bad)
		require.NotEmpty(t, got.problem.Errors, bad)
	}
	require.Equal(t, 422, h.call(t, manager, http.MethodPost, Prefix+"/books", `{"name": "x", "ends_at": "soon"}`).status)
}

// An archived book is closed, out of the lists and unchangeable; it can still
// be read, and its coupons are good.
func TestArchive(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true, benefit = '{"percent_off": 10}'`)
	path := bookPath(s.book, "")
	for range 2 {
		require.Equal(t, 204, s.call(t, s.manager, http.MethodDelete, path, nil).status)
	}
	var book bookBody
	s.call(t, s.manager, http.MethodGet, path, nil).read(t, &book)
	require.Equal(t, coupon.Closed, book.Status)
	require.NotNil(t, book.ArchivedAt)
	var books page[bookBody]
	s.call(t, s.manager, http.MethodGet, Prefix+"/books", nil).read(t, &books)
	require.Empty(t, books.Data)
	s.call(t, s.manager, http.MethodGet, Prefix+"/books?archived=true", nil).read(t, &books)
	require.Len(t, books.Data, 1)
	require.Equal(t, "book_state", s.call(t, s.manager, http.MethodPatch, path, `{"name": "x"}`).problem.Code)
	require.Equal(t, "book_state", s.call(t, s.manager, http.MethodPost, path+"/activate", nil).problem.Code)
	require.Equal(t, "book_not_found", s.call(t, s.person(t, coupon.Manager), http.MethodDelete, path, nil).problem.Code)
	lock := s.lock(t, nil)
	require.JSONEq(t, `{"percent_off": 10}`, string(lock.Coupon.Benefit))
	var archived int
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE type = 'book.archived'`).Scan(&archived))
	require.Equal(t, 1, archived)
}
