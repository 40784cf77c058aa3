package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// Bad claims get a problem with a code and a pointer, and nothing of them is
// stored or rung.
func TestBadClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	user, owner := h.person(t, coupon.UserRole), h.token(t, fixture.Owner(book))
	weak, _ := h.key(t, coupon.Admin, "books:read")
	path, long := bookPath(book, "/claims"), strings.Repeat("x", 300)
	for _, c := range []struct {
		name, credential string
		body             any
		header           []string
		status           int
		code, pointer    string
	}{
		{"broken JSON", user, `{"count":`, nil, 400, "malformed_request", ""},
		{"trailing data", user, `{"count":1}}`, nil, 400, "malformed_request", ""},
		{"unknown field", user, `{"cuont": 1}`, nil, 422, "invalid_input", "/cuont"},
		{"wrong type", user, `{"count": "2"}`, nil, 422, "invalid_input", "/count"},
		{"none", user, `{"count": 0}`, nil, 422, "invalid_input", "/count"},
		{"too many", user, `{"count": 101}`, nil, 422, "invalid_input", "/count"},
		{"half", user, `{"count": 1.5}`, nil, 422, "invalid_input", "/count"},
		{"no list", user, `[]`, nil, 422, "invalid_input", ""},
		{"broken id", user, `{"user_id": "me"}`, nil, 422, "invalid_input", "/user_id"},
		{"two names", owner, `{"user_id": "` + uuid.NewString() + `", "user": {"email": "a@example.com"}}`, nil, 422, "invalid_input", "/user"},
		{"no name", owner, `{"user": {}}`, nil, 422, "invalid_input", "/user"},
		{"broken e-mail", owner, `{"user": {"email": "nobody"}}`, nil, 422, "invalid_input", "/user/email"},
		{"NUL", owner, `{"user": {"external_id": "a\u0000b"}, "create_missing": true}`, nil, 400, "malformed_request", ""},
		{"unknown user", owner, `{"user": {"external_id": "who"}}`, nil, 404, "user_not_found", ""},
		{"for someone else", user, `{"user": {"external_id": "who"}, "create_missing": true}`, nil, 404, "book_not_found", ""},
		{"no token", "", nil, nil, 401, "unauthenticated", ""},
		{"wrong scope", weak, nil, nil, 403, "scope_missing", ""},
		{"long key", user, nil, []string{"Idempotency-Key", long}, 422, "invalid_input", "Idempotency-Key"},
		{"key with a space", user, nil, []string{"Idempotency-Key", "a b"}, 422, "invalid_input", "Idempotency-Key"},
		{"body too large", user, `{"count": 1, "x": "` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "body_too_large", ""},
		{"another type", user, `count=1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
	} {
		got := h.call(t, c.credential, http.MethodPost, path, c.body, c.header...)
		require.Equal(t, c.status, got.status, "%s: %s", c.name, got.body)
		require.Equal(t, c.code, got.problem.Code, c.name)
		if c.pointer != "" {
			require.NotEmpty(t, got.problem.Errors, c.name)
			require.Equal(t, c.pointer, got.problem.Errors[0].Pointer, c.name)
		}
	}
	require.Zero(t, h.jobs(t))
	require.Empty(t, h.queue.Rung)
	var users int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM users WHERE external_id IS NOT NULL`).Scan(&users))
	require.Zero(t, users)
}

// Claims for books that take none are refused by name of the reason.
func TestBooksThatTakeNoClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := h.person(t, coupon.UserRole)
	future, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	refused := func(book coupon.Book, credential string, status int, code string) {
		t.Helper()
		got := h.call(t, credential, http.MethodPost, bookPath(book, "/claims"), nil)
		require.Equal(t, status, got.status)
		require.Equal(t, code, got.problem.Code)
	}
	refused(coupon.Book{ID: uuid.New()}, user, 404, "book_not_found")
	early, over := fixture.Book(t, h.pool, 1, 0), fixture.Book(t, h.pool, 1, 0)
	for book, edit := range map[*coupon.Book]func(*coupon.BookSettings){
		&early: func(s *coupon.BookSettings) { s.StartsAt = &future },
		&over:  func(s *coupon.BookSettings) { s.EndsAt = &past },
	} {
		_, err := h.service.EditBook(t.Context(), fixture.Owner(*book), book.ID, nil, fixture.Edit(edit))
		require.NoError(t, err)
	}
	refused(early, user, 409, "book_not_started")
	refused(over, user, 410, "book_ended")
	for _, move := range []string{"/pause", "/close"} {
		book := fixture.Book(t, h.pool, 1, 0)
		require.Equal(t, 200, h.call(t, h.token(t, fixture.Owner(book)), http.MethodPost, bookPath(book, move), nil).status)
		refused(book, user, 409, "book_not_active")
	}
	draft, err := h.service.CreateBook(t.Context(), fixture.Owner(early), coupon.NewSettings("Draft"))
	require.NoError(t, err)
	refused(draft, h.token(t, fixture.Owner(early)), 409, "book_not_active")
	refused(draft, user, 404, "book_not_found")
	require.Zero(t, h.jobs(t))
}

// Paths and methods that do not exist are problems too; a broken id is input.
func TestWrongPaths(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	user := h.person(t, coupon.UserRole)
	require.Equal(t, "route_not_found", h.call(t, user, http.MethodGet, Prefix+"/nothing", nil).problem.Code)
	require.Equal(t, "method_not_allowed", h.call(t, user, http.MethodPut, Prefix+"/me", nil).problem.Code)
	got := h.call(t, user, http.MethodGet, Prefix+"/books/not-an-id", nil)
	require.Equal(t, 422, got.status)
	require.Equal(t, "id", got.problem.Errors[0].Pointer)
}

// A defect is a 500 that says nothing of our insides.
func TestDefectsTellNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	engine, ok := h.handler.(*gin.Engine)
	require.True(t, ok)
	engine.GET("/panic", func(*gin.Context) { panic("secret insides") })
	got := h.call(t, "", http.MethodGet, "/panic", nil)
	require.Equal(t, 500, got.status)
	require.Equal(t, "internal", got.problem.Code)
	require.NotContains(t, string(got.body), "insides")

	_, err := h.pool.Exec(t.Context(), `ALTER TABLE books RENAME TO books_away`)
	require.NoError(t, err)
	got = h.call(t, h.person(t, coupon.Admin), http.MethodGet, Prefix+"/books", nil)
	require.Equal(t, 500, got.status)
	require.NotContains(t, string(got.body), "books_away")
	require.NotContains(t, string(got.body), "SQLSTATE")
}

// A body that does not come is not waited for for ever.
func TestABodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s/auth/login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", Prefix)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, response.StatusCode, "%s", body)
	meet(response.StatusCode, body)
}
