package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/health"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

var passwords *auth.Passwords // costly to make, and without state

func TestMain(m *testing.M) {
	var err error
	if passwords, err = auth.NewPasswords(); err != nil {
		panic(err)
	}
	os.Exit(checkMet(m.Run()))
}

// house is the API on a database of its own. A drain runs whenever a claim
// rings, unless the test says that nobody works.
type house struct {
	api      *API
	handler  http.Handler
	pool     *pgxpool.Pool
	queue    *fixture.Queue
	service  *service.Service
	webhooks *service.Webhooks
	tokens   *auth.Tokens
	ended    *service.EndedSessions
	drainer  *service.Drainer
	works    bool
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, testdb.New(t))
}

func newHouseOn(t *testing.T, pool *pgxpool.Pool, settings ...func(*Options)) *house {
	t.Helper()
	store := postgres.NewStore(pool)
	h := &house{pool: pool, queue: &fixture.Queue{}, tokens: auth.NewTokens(fixture.Keyring(), 15*time.Minute), works: true}
	h.ended = service.NewEndedSessions(store, h.tokens.Lives())
	h.service = service.New(store, h.queue)
	h.webhooks = service.NewWebhooks(h.service, fixture.Sender(t))
	followers := service.NewFollowers(store)
	h.drainer = fixture.Drainer(store, fixture.Open{}, published(followers.Done))
	claims := service.NewClaims(store, followers, func(book uuid.UUID) {
		_ = h.queue.RingBook(t.Context(), book)
		if h.works {
			go func() { _, _ = h.drainer.Drain(context.WithoutCancel(t.Context()), book) }()
		}
	})
	ok := func(context.Context) error { return nil }
	accounts := service.NewAccounts(store, passwords, h.tokens, h.ended, service.SessionTimes{Idle: time.Hour, Most: 24 * time.Hour})
	o := Options{
		Accounts: accounts, Service: h.service, Webhooks: h.webhooks, Claims: claims, Followers: followers,
		Keyed:  service.NewKeyed(service.UseCases{Service: h.service, Webhooks: h.webhooks, Accounts: accounts}),
		Till:   service.NewTill(store, auth.NewLockTokens(fixture.Keyring())),
		Health: health.Checks{Postgres: store.Ping, Migrations: ok, Redis: ok},
		Tokens: h.tokens, Cursors: NewCursors(fixture.Keyring()), Links: NewLinks(fixture.Keyring()), CookieSecure: true, UploadWithin: service.UploadWithin,
		Web: fstest.MapFS{
			"index.html": {Data: []byte("<html><title>app</title>")}, "docs.html": {Data: []byte("<title>docs</title>")},
			"assets/app-1a2b.js": {Data: bytes.Repeat([]byte("1"), 10_000)},
		},
		Tasks: func(context.Context) (map[string]coupon.TaskCount, error) {
			return map[string]coupon.TaskCount{"assignments": {Pending: 1}}, nil
		},
		Monitor: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("monitor")) }),
	}
	for _, set := range settings {
		set(&o)
	}
	h.api = &API{Options: o}
	var err error
	h.handler, err = New(o)
	require.NoError(t, err)
	t.Cleanup(claims.Close)
	t.Cleanup(h.service.Close)
	return h
}

// published is the worker's queue: finished jobs wake who waits at once.
type published func([]uuid.UUID)

func (published) RingBook(context.Context, uuid.UUID) error                { return nil }
func (published) RingJob(context.Context, coupon.JobKind, uuid.UUID) error { return nil }
func (published) RingEndpoint(context.Context, uuid.UUID) error            { return nil }
func (p published) PublishDone(_ context.Context, jobs []uuid.UUID) error  { p(jobs); return nil }

// answer is what came back.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem Problem
}

func (a answer) read(t *testing.T, out any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, out), "%s", a.body)
}

// call sends a request; body is sent as it is when it is a string, else as JSON.
func (h *house) call(t *testing.T, credential, method, path string, body any, headers ...string) answer {
	t.Helper()
	var data []byte
	switch given := body.(type) {
	case nil:
	case string:
		data = []byte(given)
	default:
		var err error
		data, err = json.Marshal(body)
		require.NoError(t, err)
	}
	request := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(data))
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		request.Header.Set("Authorization", "Bearer "+credential)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, request)
	a := answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
	meet(a.status, a.body)
	if a.status >= http.StatusBadRequest {
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), "%s %s: %s", method, path, a.body)
		a.read(t, &a.problem)
		require.Equal(t, a.status, a.problem.Status)
		require.NotEmpty(t, a.problem.Code, "%s", a.body)
		require.NotEmpty(t, a.problem.Detail)
		require.Equal(t, a.header.Get("X-Request-ID"), a.problem.RequestID)
	}
	return a
}

// token signs one in.
func (h *house) token(t *testing.T, p auth.Principal) string {
	t.Helper()
	token, err := h.tokens.Issue(coupon.User{ID: p.UserID, Role: p.Role}, uuid.New(), time.Now())
	require.NoError(t, err)
	return token.Text
}

// person is someone new of a role, signed in.
func (h *house) person(t *testing.T, role coupon.Role) string {
	t.Helper()
	return h.token(t, fixture.User(t, h.pool, role))
}

// key is a new API key of a new person.
func (h *house) key(t *testing.T, role coupon.Role, scopes ...auth.Scope) (text string, id uuid.UUID) {
	t.Helper()
	key, text, err := h.api.Accounts.CreateAPIKey(t.Context(), fixture.User(t, h.pool, role), service.NewAPIKey{Name: "key", Scopes: scopes})
	require.NoError(t, err)
	return text, key.ID
}

func bookPath(book coupon.Book, more string) string {
	return Prefix + "/books/" + book.ID.String() + more
}

// jobs counts what has been stored.
func (h *house) jobs(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM jobs WHERE kind = 'claim'`).Scan(&n))
	return n
}
