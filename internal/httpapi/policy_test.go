package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// Every route is called by every sort of caller, and lets in whom the table
// lets in: nobody else gets past 401 and 403.
func TestEveryRouteAndEveryCaller(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	type sort struct {
		name, credential string
		role             coupon.Role
		scopes           []auth.Scope // of a key
		key              bool
		invalid          bool
	}
	callers := []sort{{name: "nobody", invalid: true}, {name: "garbage", credential: "garbage", invalid: true}}
	for _, role := range []coupon.Role{coupon.UserRole, coupon.Manager, coupon.Admin} {
		callers = append(callers, sort{name: string(role), credential: h.person(t, role), role: role})
	}
	for _, scope := range auth.Scopes {
		text, _ := h.key(t, coupon.Admin, scope)
		callers = append(callers, sort{name: "key " + string(scope), credential: text, role: coupon.Admin, scopes: []auth.Scope{scope}, key: true})
	}
	weak, _ := h.key(t, coupon.UserRole, auth.Scopes...)
	callers = append(callers, sort{name: "a user's key", credential: weak, role: coupon.UserRole, scopes: auth.Scopes, key: true})
	revoked, id := h.key(t, coupon.Admin, auth.Scopes...)
	require.NoError(t, h.api.Accounts.RevokeAPIKey(t.Context(), auth.Principal{UserID: uuid.New()}, id))
	expired, id := h.key(t, coupon.Admin, auth.Scopes...)
	_, err := h.pool.Exec(t.Context(), `UPDATE api_keys SET expires_at = now() WHERE id = $1`, id)
	require.NoError(t, err)
	other, err := auth.NewTokens("another secret of thirty-two bytes", time.Hour)
	require.NoError(t, err)
	foreign, err := other.Issue(coupon.User{ID: uuid.New(), Role: coupon.Admin}, time.Now())
	require.NoError(t, err)
	callers = append(callers, sort{name: "revoked key", credential: revoked, invalid: true},
		sort{name: "expired key", credential: expired, invalid: true}, sort{name: "foreign token", credential: foreign.Text, invalid: true})

	for _, r := range h.api.routes() {
		path := Prefix + strings.NewReplacer("{id}", uuid.NewString(), "{coupon}", uuid.NewString(), "{batch}", uuid.NewString(), "{token}", "x").Replace(r.path)
		for _, who := range callers {
			got := h.call(t, who.credential, r.method, path, nil)
			name := r.method + " " + r.path + " as " + who.name
			switch {
			case r.access.public: // login itself answers 401
				require.NotContains(t, []string{"unauthenticated", "forbidden", "scope_missing"}, got.problem.Code, name)
			case who.invalid:
				require.Equal(t, http.StatusUnauthorized, got.status, name)
				require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"), name)
			case who.key && !slices.ContainsFunc(r.access.scopes, func(s auth.Scope) bool { return slices.Contains(who.scopes, s) }):
				require.Equal(t, "scope_missing", got.problem.Code, name)
			case !slices.Contains(r.access.roles, who.role):
				require.Equal(t, "forbidden", got.problem.Code, name)
			default:
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, name)
			}
		}
	}
}

// A key can be made with any scope that there is.
func TestEveryScopeCanBeGiven(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.call(t, h.person(t, coupon.Admin), http.MethodPost, Prefix+"/api-keys", map[string]any{"name": "all", "scopes": auth.Scopes})
	require.Equal(t, http.StatusCreated, got.status, "%s", got.body)
}

// What is someone else's is not found: books of other managers, drafts, jobs.
func TestOthersThingsAreNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.works = false
	book := fixture.Book(t, h.pool, 5, 0)
	manager, user := h.person(t, coupon.Manager), h.person(t, coupon.UserRole)
	owner := h.token(t, fixture.Owner(book))
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPatch, "", map[string]any{"name": "Mine"}},
		{http.MethodPost, "/activate", nil},
		{http.MethodPost, "/pause", nil},
		{http.MethodPost, "/close", nil},
		{http.MethodGet, "/stats", nil},
		{http.MethodPost, "/codes/generate", map[string]any{"count": 5}},
	} {
		got := h.call(t, manager, c.method, bookPath(book, c.path), c.body)
		require.Equal(t, "book_not_found", got.problem.Code, c.path)
	}
	var draft bookBody
	h.call(t, owner, http.MethodPost, Prefix+"/books", map[string]any{"name": "Draft"}).read(t, &draft)
	require.Equal(t, http.StatusOK, h.call(t, owner, http.MethodGet, Prefix+"/books/"+draft.ID.String(), nil).status)
	for _, stranger := range []string{manager, user} {
		require.Equal(t, "book_not_found", h.call(t, stranger, http.MethodGet, Prefix+"/books/"+draft.ID.String(), nil).problem.Code)
	}
	var job jobBody
	h.call(t, user, http.MethodPost, bookPath(book, "/claims"), nil).read(t, &job)
	require.Equal(t, http.StatusOK, h.call(t, user, http.MethodGet, job.Links.Self, nil).status)
	require.Equal(t, http.StatusOK, h.call(t, owner, http.MethodGet, job.Links.Self, nil).status)
	require.Equal(t, "job_not_found", h.call(t, manager, http.MethodGet, job.Links.Self, nil).problem.Code)
}
