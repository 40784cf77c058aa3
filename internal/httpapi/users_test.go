package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// An admin makes people, finds them, changes them; a link lets one set a password.
func TestPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	users := Prefix + "/users"
	var manager userBody
	made := h.call(t, admin, http.MethodPost, users, map[string]any{"email": "Max@example.com", "name": "Max", "role": "manager"})
	require.Equal(t, 201, made.status, "%s", made.body)
	made.read(t, &manager)
	require.Equal(t, coupon.Manager, manager.Role)
	for code, body := range map[string]any{
		"email_taken":       map[string]any{"email": "max@example.com"},
		"external_id_taken": map[string]any{"external_id": "crm-1"},
		"invalid_input":     map[string]any{"name": "nobody"},
	} {
		if code == "external_id_taken" {
			require.Equal(t, 201, h.call(t, admin, http.MethodPost, users, body).status)
		}
		require.Equal(t, code, h.call(t, admin, http.MethodPost, users, body).problem.Code)
	}
	find := func(query string) (names []string) {
		var out page[userBody]
		h.call(t, admin, http.MethodGet, users+query, nil).read(t, &out)
		for _, u := range out.Data {
			names = append(names, u.Name)
		}
		return names
	}
	for _, query := range []string{"?email=MAX@example.com", "?prefix=ma", "?role=manager", "?status=enabled&role=manager"} {
		require.Equal(t, []string{"Max"}, find(query), query)
	}
	require.Empty(t, find("?status=disabled"))
	require.Empty(t, find("?prefix=x"))

	path := users + "/" + manager.ID.String()
	var link struct{ Path string }
	h.call(t, admin, http.MethodPost, path+"/password-reset", nil).read(t, &link)
	_, old, _ := strings.Cut(link.Path, "#")
	h.call(t, admin, http.MethodPost, path+"/password-reset", nil).read(t, &link)
	where, token, _ := strings.Cut(link.Path, "#")
	require.Equal(t, "/reset-password", where)
	reset := func(token, word string) answer {
		return h.call(t, "", http.MethodPost, Prefix+"/auth/password-reset", map[string]any{"token": token, "password": word})
	}
	require.Equal(t, "reset_link_used", reset(old, password).problem.Code, "a later link ends it")
	require.Equal(t, 422, reset(token, "max@example.com").status, "a refusal does not use it up")
	require.Equal(t, 204, reset(token, password).status)
	require.Equal(t, "reset_link_used", reset(token, password).problem.Code, "it works once")
	in := h.signIn(t, "max@example.com", password)

	require.Equal(t, 200, h.call(t, admin, http.MethodPatch, path, map[string]any{"role": "user"}).status)
	require.Equal(t, "session_ended", h.me(t, in.AccessToken), "another role ends his sessions")
	in = h.signIn(t, "max@example.com", password)
	require.Equal(t, "forbidden", h.call(t, in.AccessToken, http.MethodGet, Prefix+"/books", nil).problem.Code)
	require.Equal(t, 204, h.call(t, admin, http.MethodDelete, path+"/sessions", nil).status)
	require.Equal(t, "session_ended", h.me(t, in.AccessToken))
	require.Equal(t, 200, h.call(t, admin, http.MethodPatch, path, map[string]any{"disabled": true}).status)
	require.Equal(t, 401, h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "max@example.com", "password": password}).status)
	require.Equal(t, "no_sign_in", h.call(t, admin, http.MethodPost, path+"/password-reset", nil).problem.Code)
	require.Equal(t, 200, h.call(t, admin, http.MethodPatch, path, map[string]any{"disabled": false}).status)
	h.signIn(t, "max@example.com", password)
	require.Equal(t, "user_not_found", h.call(t, admin, http.MethodPatch, users+"/"+uuid.NewString(), map[string]any{"name": "x"}).problem.Code)
}

// Nobody takes his own rights, and of two admins who take each other's at once,
// one is left.
func TestAnAdminIsLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := fixture.User(t, h.pool, coupon.Admin), fixture.User(t, h.pool, coupon.Admin)
	demote := func(by, whom auth.Principal, body map[string]any) answer {
		return h.call(t, h.token(t, by), http.MethodPatch, Prefix+"/users/"+whom.UserID.String(), body)
	}
	for _, body := range []map[string]any{{"role": "user"}, {"disabled": true}} {
		require.Equal(t, "own_account", demote(one, one, body).problem.Code)
	}
	require.Equal(t, "own_account", h.call(t, h.token(t, one), http.MethodDelete, Prefix+"/users/"+one.UserID.String(), nil).problem.Code)
	require.Equal(t, 200, demote(one, one, map[string]any{"name": "One"}).status, "a name is no right")
	for range 5 {
		var all sync.WaitGroup
		all.Go(func() { demote(one, two, map[string]any{"role": "manager"}) })
		all.Go(func() { demote(two, one, map[string]any{"disabled": true}) })
		all.Wait()
		var admins int
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL`).Scan(&admins))
		require.Equal(t, 1, admins)
		_, err := h.pool.Exec(t.Context(), `UPDATE users SET role = 'admin', disabled_at = NULL`)
		require.NoError(t, err)
	}
}

// Of an erased user only what he held and did is left.
func TestErasingAUser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	w := h.world(t)
	_, err := h.pool.Exec(t.Context(), `UPDATE users SET name = 'Ann Archer', email = 'ann.archer@example.com', external_id = 'crm-archer' WHERE id = $1`, w.holder.UserID)
	require.NoError(t, err)
	path := Prefix + "/users/" + w.holder.UserID.String()
	for range 2 {
		require.Equal(t, 204, h.call(t, admin, http.MethodDelete, path, nil).status)
	}
	var left userBody
	h.call(t, admin, http.MethodGet, path, nil).read(t, &left)
	require.NotNil(t, left.ErasedAt)
	require.Nil(t, left.Email)
	require.Equal(t, "user_erased", h.call(t, admin, http.MethodPatch, path, map[string]any{"name": "Ann"}).problem.Code)
	require.Equal(t, "session_ended", h.me(t, w.holders))
	var coupons, members int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM coupons WHERE user_id = $1), (SELECT members FROM pools WHERE id = $2)`,
		w.holder.UserID, w.pool).Scan(&coupons, &members))
	require.Equal(t, 3, coupons, "two that he claimed, one that he was given")
	require.Zero(t, members)
	require.Empty(t, h.traces(t, "archer"), "nothing in the database names him")
	fixture.Verify(t, h.pool)
}

// traces are the tables in which a text is left.
func (h *house) traces(t *testing.T, text string) (found []string) {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	require.NoError(t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, rows.Err())
	for _, table := range tables {
		var n int
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM "`+table+`" t WHERE t::text ILIKE '%' || $1 || '%'`, text).Scan(&n))
		if n > 0 {
			found = append(found, table)
		}
	}
	return found
}

// A key has two secrets while it is rotated, says when it was used, and is of
// use from its networks alone.
func TestKeysOverTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	keys := Prefix + "/api-keys"
	var key, rotated apiKeyBody
	h.call(t, admin, http.MethodPost, keys, map[string]any{"name": "till", "scopes": []string{"books:read"}, "networks": []string{"192.0.2.1"}}).read(t, &key)
	require.Equal(t, []string{"192.0.2.1/32"}, key.Networks)
	works := func(text string) string { return h.call(t, text, http.MethodGet, Prefix+"/books", nil).problem.Code }
	require.Empty(t, works(key.Key))
	require.NoError(t, h.api.Accounts.NoteUsedKeys(t.Context()))
	require.NoError(t, h.api.Accounts.NoteUsedKeys(t.Context()))
	var list struct{ Data []apiKeyBody }
	h.call(t, admin, http.MethodGet, keys, nil).read(t, &list)
	require.NotNil(t, list.Data[0].UsedAt)

	path := keys + "/" + key.ID.String()
	h.call(t, admin, http.MethodPost, path+"/rotate", nil).read(t, &rotated)
	require.NotEqual(t, key.Key, rotated.Key)
	require.NotNil(t, rotated.OldUntil)
	require.Empty(t, works(key.Key))
	require.Empty(t, works(rotated.Key))
	old := rotated.Key
	h.call(t, admin, http.MethodPost, path+"/rotate", map[string]any{"overlap_seconds": 0}).read(t, &rotated)
	require.Equal(t, "unauthenticated", works(key.Key), "only two are valid")
	require.Equal(t, "unauthenticated", works(old), "without overlap the old one ends")
	require.Empty(t, works(rotated.Key))
	require.Equal(t, 204, h.call(t, admin, http.MethodDelete, path, nil).status)
	require.Equal(t, "unauthenticated", works(rotated.Key))
	require.Equal(t, "api_key_not_found", h.call(t, admin, http.MethodPost, path+"/rotate", nil).problem.Code)

	bad := h.call(t, admin, http.MethodPost, keys, map[string]any{"name": "till", "scopes": []string{"books:read"}, "networks": []string{"192.0.2.0/24", "the office"}})
	require.Equal(t, "/networks/1", bad.problem.Errors[0].Pointer)
	require.Equal(t, 422, h.call(t, admin, http.MethodPost, keys, map[string]any{"name": "till", "scopes": []string{}}).status)
}
