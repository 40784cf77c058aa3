package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/testdb"
)

// Bodies that are more than they seem are refused as such, and change nothing.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, c := range map[string]struct {
		body, code string
		status     int
	}{
		"a field twice":          {`{"name": "one", "name": "two"}`, "malformed_request", 400},
		"a field twice, inside":  {`{"name": "one", "metadata": {"a": 1, "a": 2}}`, "malformed_request", 400},
		"nested too deep":        {`{"name": "one", "metadata": ` + deep(20_000) + `}`, "malformed_request", 400},
		"nested, and no object":  {`{"name": "one", "metadata": ` + deep(1000) + `}`, "invalid_input", 422},
		"no UTF-8":               {"{\"name\": \"a\xff\"}", "malformed_request", 400},
		"a lone surrogate":       {`{"name": "\ud800"}`, "malformed_request", 400},
		"NUL":                    {`{"name": "a\u0000b"}`, "malformed_request", 400},
		"NUL, deep inside":       {`{"name": "a", "benefit": {"x": ["\u0000"]}}`, "malformed_request", 400},
		"NUL that is none":       {`{"name": "", "description": "\\u0000"}`, "invalid_input", 422},
		"raw NUL":                {"{\"name\": \"a\x00b\"}", "malformed_request", 400},
		"BOM":                    {"\ufeff" + `{"name": "one"}`, "malformed_request", 400},
		"NaN":                    {`{"name": NaN}`, "malformed_request", 400},
		"1e400":                  {`{"name": "one", "max_redemptions": 1e400}`, "malformed_request", 400},
		"more after it":          {`{"name": "one"} {"name": "two"}`, "malformed_request", 400},
		"cut off":                {`{"name": "one`, "malformed_request", 400},
		"too large":              {`{"name": "` + strings.Repeat("x", maxBody) + `"}`, "body_too_large", 413},
		"nothing":                {``, "malformed_request", 400},
		"null":                   {`null`, "invalid_input", 422},
		"somebody else's rights": {`{"name": "one", "owner_id": "01a216c2-1442-755d-8381-90d92c40d4ea"}`, "invalid_input", 422},
	} {
		got := h.call(t, manager, http.MethodPost, Prefix+"/books", c.body)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, c.code, got.problem.Code, name)
	}
	var books int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM books`).Scan(&books))
	require.Zero(t, books)
}

// No body gives what its route does not give: fields that are not in a schema
// are refused, whatever they are called.
func TestNobodyGivesHimselfMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.works = false
	admin := h.person(t, coupon.Admin)
	for _, r := range h.api.routes() {
		if r.method == http.MethodGet {
			continue
		}
		w := h.world(t)
		for _, field := range []string{"id", "role", "owner_id", "state", "status", "seq", "created_at", "version", "password_hash", "submitter_id", "is_admin"} {
			q := w.request(r)
			body, isObject := q.body.(map[string]any)
			if !isObject || allowed[r.id+" "+field] {
				continue
			}
			body = maps.Clone(body)
			body[field] = "admin"
			q.body = body
			got := h.ask(t, admin, q)
			require.Equal(t, 422, got.status, "%s with %s: %s", r.id, field, got.body)
			require.Equal(t, "/"+field, got.problem.Errors[0].Pointer, "%s with %s", r.id, field)
		}
	}
}

// allowed are fields that a route does give.
var allowed = map[string]bool{
	"create-user role": true, "edit-user role": true, "create-api-key owner_id": true, "edit-webhook status": true,
}

// Everything that is served has the headers of a careful house; nothing is
// answered to TRACE; a proxy that is not trusted changes nothing.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/", "/docs", "/assets/app-1a2b.js", Prefix + "/event-types", "/healthz", "/openapi.json", Prefix + "/nothing"} {
		got := h.call(t, "", http.MethodGet, path, nil)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", got.header.Get("X-Frame-Options"), path)
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"), path)
		require.Equal(t, "same-origin", got.header.Get("Cross-Origin-Opener-Policy"), path)
		require.Contains(t, got.header.Get("Strict-Transport-Security"), "max-age=31536000", path)
		policy := got.header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "script-src 'self';", path)
		require.NotContains(t, policy, "unsafe-eval", path)
		require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), path)
		require.Empty(t, got.header.Get("Server"), path)
	}
	for _, method := range []string{http.MethodTrace, http.MethodConnect, "PROPFIND"} {
		request := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
		request.URL.Path = Prefix + "/me"
		recorder := httptest.NewRecorder()
		h.handler.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusMethodNotAllowed, recorder.Code, method)
	}
	require.Equal(t, 405, h.call(t, "", http.MethodPost, Prefix+"/me", nil, "X-HTTP-Method-Override", "GET").status)
}

// Paths that try to be others are not.
func TestHostilePaths(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := h.person(t, coupon.UserRole)
	for path, status := range map[string]int{
		"/../etc/passwd":                 200, // a page of the app
		"/assets/../index.html":          200,
		"/assets/..%2f..%2fetc%2fpasswd": 200,
		"/assets/../../secret.txt":       404,
		"//evil.example/":                404, // no page, and no way there
		Prefix + "//me":                  404,
		Prefix + "/me/":                  301, // to itself, without the slash
		Prefix + "/me;x=1":               404,
		Prefix + "/me%00":                400,
		Prefix + "/me%ff":                400,
		Prefix + "/books/%2e%2e/me":      404,
		Prefix + "/jobs?limit=1&limit=2": 200,
		Prefix + "/jobs?limit=-1":        422,
		Prefix + "/jobs?cursor=" + strings.Repeat("x", 20_000): 422,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		request.Header.Set("Authorization", "Bearer "+user)
		recorder := httptest.NewRecorder()
		h.handler.ServeHTTP(recorder, request)
		require.Equal(t, status, recorder.Code, "%.80s: %s", path, recorder.Body)
		require.NotContains(t, recorder.Body.String(), "root:", path)
		require.Contains(t, []string{"", Prefix + "/me"}, recorder.Header().Get("Location"), path)
	}
}

// A filter that is misspelt does not list everything; what there is is said.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	got := h.call(t, admin, http.MethodGet, Prefix+"/users?q=customer-42&limit=1&a", nil)
	require.Equal(t, 422, got.status)
	require.Equal(t, "invalid_input", got.problem.Code)
	require.Contains(t, got.problem.Detail, "it has limit, cursor, email, prefix, role, status.")
	require.Equal(t, []coupon.Field{{Pointer: "a", Detail: "is no parameter of this operation"}, {Pointer: "q", Detail: "is no parameter of this operation"}}, got.problem.Errors)
	require.Contains(t, h.call(t, admin, http.MethodGet, Prefix+"/me?limit=1", nil).problem.Detail, "it has none.")
	require.Equal(t, 401, h.call(t, "", http.MethodGet, Prefix+"/users?q=1", nil).status, "strangers learn nothing")
}

// Pages of a site that is on the list may call the API, without cookies; others
// may not.
func TestCORS(t *testing.T) {
	t.Parallel()
	h := newHouseOn(t, testdb.New(t), func(o *Options) { o.CORSOrigins = []string{"https://shop.example"} })
	preflight := func(origin string) answer {
		return h.call(t, "", http.MethodOptions, Prefix+"/me", nil, "Origin", origin, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
	}
	ours := preflight("https://shop.example")
	require.Equal(t, 204, ours.status)
	require.Equal(t, "https://shop.example", ours.header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, ours.header.Get("Access-Control-Allow-Credentials"))
	user := h.person(t, coupon.UserRole)
	got := h.call(t, user, http.MethodGet, Prefix+"/me", nil, "Origin", "https://shop.example")
	require.Equal(t, 200, got.status)
	require.Contains(t, got.header.Get("Access-Control-Expose-Headers"), "Retry-After")

	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Prefix+"/me", nil)
	request.Header.Set("Origin", "https://evil.example")
	request.Header.Set("Authorization", "Bearer "+user)
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, request)
	require.Empty(t, recorder.Header().Get("Access-Control-Allow-Origin"))

	wrong := h.api.Options
	wrong.CORSOrigins = []string{"shop.example/path"}
	_, err := New(wrong)
	require.ErrorContains(t, err, "CORS_ORIGINS")
}

// Over the wire: too many headers, bodies that lie about their length and two
// lengths at once are refused, and the server goes on.
func TestHostileConnections(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewUnstartedServer(h.handler)
	server.Config.MaxHeaderBytes = 32 << 10
	server.Start()
	t.Cleanup(server.Close)
	send := func(text string) int {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		go func() { _, _ = io.Copy(conn, strings.NewReader(text)) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode
	}
	var flood strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&flood, "X-%d: %s\r\n", i, strings.Repeat("a", 30))
	}
	login := "POST " + Prefix + "/auth/login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
	require.Equal(t, 431, send("GET / HTTP/1.1\r\nHost: here\r\n"+flood.String()+"\r\n"))
	require.Equal(t, 431, send("GET / HTTP/1.1\r\nHost: here\r\nCookie: "+strings.Repeat("a", 100_000)+"\r\n\r\n"))
	require.Equal(t, 400, send(login+"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "))
	require.Equal(t, 501, send(login+"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"))
	require.Equal(t, 413, send(login+"Content-Length: 99999999\r\n\r\n{"))
	require.Equal(t, 400, send("GET / HTTP/1.1\r\nHost: here\r\nX-A: b\r\n bad\x00\r\n\r\n"))
	require.Equal(t, 400, send("GET / HTTP/1.1\r\n\r\n"))
	require.Equal(t, 200, send("GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"))
}

// The audit log is found by who, what, whom and when, page by page, and comes as
// a file; it is for admins.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.person(t, coupon.Admin)
	w := h.world(t)
	require.Equal(t, 200, h.call(t, w.managerToken, http.MethodPatch, bookPath(w.book, ""), map[string]any{"name": "=1+1", "lock_seconds": 60}, "X-Request-ID", "the-request").status)
	list := func(query string) (out page[auditBody]) {
		got := h.call(t, admin, http.MethodGet, Prefix+"/audit"+query, nil)
		require.Equal(t, 200, got.status, "%s", got.body)
		got.read(t, &out)
		return out
	}
	found := list("?action=book.edit&target=" + w.book.ID.String() + "&actor=" + w.manager.UserID.String()).Data
	require.Len(t, found, 2, "one edit of the world, one of ours")
	require.Equal(t, "the-request", found[0].RequestID)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), *found[0].Address)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(found[0].Before, &before))
	require.NoError(t, json.Unmarshal(found[0].After, &after))
	require.Equal(t, map[string]any{"name": "Sale", "lock_for": "5m0s"}, before)
	require.Equal(t, map[string]any{"name": "=1+1", "lock_for": "1m0s"}, after)

	whole := list("?limit=500").Data
	var paged []auditBody
	for next := ""; ; {
		part := list("?limit=3" + next)
		paged = append(paged, part.Data...)
		if part.NextCursor == nil {
			break
		}
		next = "&cursor=" + *part.NextCursor
	}
	require.Equal(t, whole, paged)
	for _, e := range list("?action=book").Data {
		require.True(t, strings.HasPrefix(string(e.Action), "book."))
	}
	instant := found[0].CreatedAt.Format(time.RFC3339Nano)
	require.Equal(t, found[0].ID, list("?from=" + instant).Data[0].ID)
	require.Less(t, list("?to=" + instant).Data[0].ID, found[0].ID)
	require.Empty(t, list("?action=bo").Data)

	file := h.call(t, admin, http.MethodGet, Prefix+"/audit.csv?action=book.edit", nil)
	require.Equal(t, 3, bytes.Count(file.body, []byte("\n")), "%s", file.body)
	require.Equal(t, "forbidden", h.call(t, w.managerToken, http.MethodGet, Prefix+"/audit", nil).problem.Code)
}
