package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"couponbook/internal/testdb"
)

func (h *house) get(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	h.handler.ServeHTTP(recorder, request)
	return recorder
}

// The app answers at every path of its own, its files are kept by browsers,
// and what is missing is missing.
func TestTheWebApp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, title := range map[string]string{"/": "app", "/books/42": "app", "/docs": "docs"} {
		got := h.get(t, path)
		require.Equal(t, 200, got.Code, path)
		require.Contains(t, got.Body.String(), "<title>"+title, path)
		require.Contains(t, got.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
		require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", got.Header().Get("Cache-Control"))
	}
	asset := h.get(t, "/assets/app-1a2b.js")
	require.Equal(t, 200, asset.Code)
	require.Contains(t, asset.Header().Get("Cache-Control"), "immutable")
	require.Empty(t, asset.Header().Get("Content-Encoding"))
	small := h.get(t, "/assets/app-1a2b.js", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", small.Header().Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", small.Header().Get("Vary"))
	require.Less(t, small.Body.Len(), asset.Body.Len()/10)
	require.Equal(t, 404, h.get(t, "/assets/gone.js").Code)
	require.Equal(t, 404, h.get(t, "/../../etc/passwd.txt").Code)
	require.Equal(t, 200, h.get(t, "/healthz").Code)
	require.Equal(t, 200, h.get(t, "/readyz").Code)
}

// A showcase marks the app's pages, and nothing else.
func TestTheShowcase(t *testing.T) {
	t.Parallel()
	h := newHouseOn(t, testdb.New(t), func(o *Options) { o.Showcase = true })
	for path, page := range map[string]string{"/": "app", "/books/42": "app", "/docs": "docs"} {
		got := h.get(t, path)
		require.Equal(t, 200, got.Code, path)
		require.Equal(t, "text/html; charset=utf-8", got.Header().Get("Content-Type"))
		require.Equal(t, page == "app", strings.Contains(got.Body.String(), "<html data-showcase"), path)
	}
	empty := newHouseOn(t, h.pool, func(o *Options) { o.Showcase, o.Web = true, fstest.MapFS{} })
	require.NotContains(t, empty.get(t, "/").Body.String(), "data-showcase", "an app that is not built has no page to mark")
}

// The API's description has every route of the table and nothing of our insides.
func TestTheDescription(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.call(t, "", http.MethodGet, "/openapi.json", nil)
	require.Equal(t, 200, got.status)
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string           `json:"operationId"`
			Security    []map[string]any `json:"security"`
		} `json:"paths"`
	}
	got.read(t, &document)
	for _, r := range h.api.routes() {
		operation, found := document.Paths[Prefix+r.path][strings.ToLower(r.method)]
		require.True(t, found, r.path)
		require.Equal(t, r.id, operation.OperationID)
		require.Equal(t, r.access.public, len(operation.Security) == 0, r.path)
	}
	for _, inside := range []string{"httpapi", "pgx", "$schema"} {
		require.NotContains(t, string(got.body), inside)
	}
	require.NotRegexp(t, `coupon\.[A-Z]`, string(got.body))
}

// A proxy's request id is taken when it is one; anything else is replaced.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.Equal(t, "from-proxy.1", h.call(t, "", http.MethodGet, "/healthz", nil, "X-Request-ID", "from-proxy.1").header.Get("X-Request-ID"))
	forged := h.call(t, "", http.MethodGet, "/healthz", nil, "X-Request-ID", `x" level="ERROR`).header.Get("X-Request-ID")
	require.Len(t, forged, 36)
}
