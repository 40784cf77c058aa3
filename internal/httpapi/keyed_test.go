package httpapi

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// keyless are the operations that change something and take no key: each says why.
var keyless = map[string]string{
	"register":              "nobody is signed in whose key it could be; a second account of the same e-mail is refused",
	"login":                 "a token is no effect to repeat",
	"logout":                "it can be repeated as it is",
	"refresh":               "a token works once, and a repetition ends the session",
	"reset-password":        "a link works once",
	"change-password":       "the present password is in it, which a repetition does not know any more",
	"begin-second-factor":   "each makes a secret of its own, and the last one counts",
	"confirm-second-factor": "a code works once",
	"remove-second-factor":  "a code works once",
	"preview-codes":         "it changes nothing",
	"validate-coupon":       "it changes nothing",
	"test-webhook":          "each test sends a message of its own",
	"retry-job":             "a job is retried once, however often it is asked for",
}

// Every operation that changes something takes an idempotency key.
func TestEveryChangeTakesAKey(t *testing.T) {
	t.Parallel()
	var document struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name string }
		}
	}
	newHouse(t).call(t, "", http.MethodGet, "/openapi.json", nil).read(t, &document)
	takes := 0
	for _, methods := range document.Paths {
		for method, operation := range methods {
			if method == "get" {
				continue
			}
			has := false
			for _, p := range operation.Parameters {
				has = has || p.Name == "Idempotency-Key"
			}
			_, exempt := keyless[operation.OperationID]
			require.NotEqual(t, exempt, has, operation.OperationID)
			if has {
				takes++
			}
		}
	}
	require.Greater(t, takes, 40)
}

// A change that comes many times at once under one key has one effect, and
// everyone gets its answer; another request under the key is refused.
func TestKeysOfChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	who := fixture.User(t, h.pool, coupon.Admin)
	token := h.token(t, who)
	book := fixture.Book(t, h.pool, 3, 0)
	users := fixture.Users(t, h.pool, 2)
	pool := fixture.Pool(t, h.pool, who, users)
	receiver := fixture.NewReceiver(t)
	endpoint, _, err := h.webhooks.CreateEndpoint(t.Context(), who, coupon.EndpointSettings{URL: receiver.URL, Events: []string{"*"}})
	require.NoError(t, err)
	delivery, _, err := h.webhooks.TestEndpoint(t.Context(), who, endpoint.ID)
	require.NoError(t, err)
	submitted, err := h.service.SubmitDistribution(t.Context(), who, service.DistributionRequest{
		PoolID: pool.ID, BookID: book.ID, Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
	})
	require.NoError(t, err)
	b, p, w := bookPath(book, ""), Prefix+"/pools/"+pool.ID.String(), Prefix+"/webhooks/"+endpoint.ID.String()
	j := Prefix + "/jobs/" + submitted.Job.ID.String()
	d, err := json.Marshal(delivery.ID)
	require.NoError(t, err)
	member := map[string]any{"members": []map[string]any{{"user_id": users[0].UserID}}}
	secretive := []string{Prefix + "/api-keys", Prefix + "/api-keys/{id}/rotate", Prefix + "/webhooks"}
	u := Prefix + "/users/" + users[1].UserID.String()
	keyID := "?"
	for i, c := range []struct {
		method, path string
		body         any
		effect       string // a query that counts it
		n            int
	}{
		{http.MethodPost, Prefix + "/books", map[string]any{"name": "Once"}, `SELECT count(*) FROM books WHERE name = 'Once'`, 1},
		{http.MethodPatch, b, map[string]any{"description": "new"}, `SELECT version FROM books WHERE description = 'new'`, 3},
		{http.MethodPost, b + "/pause", nil, `SELECT count(*) FROM events WHERE type = 'book.paused'`, 1},
		{http.MethodPost, b + "/activate", nil, `SELECT count(*) FROM events WHERE type = 'book.activated'`, 2},
		{http.MethodPost, Prefix + "/pools", map[string]any{"name": "Once"}, `SELECT count(*) FROM pools WHERE name = 'Once'`, 1},
		{http.MethodPatch, p, map[string]any{"name": "Twice"}, `SELECT version FROM pools WHERE name = 'Twice'`, 2},
		{http.MethodPost, p + "/members/remove", member, `SELECT count(*) FROM pool_members`, 1},
		{http.MethodPost, p + "/members", member, `SELECT count(*) FROM pool_members`, 2},
		{http.MethodPost, j + "/pause", nil, `SELECT count(*) FROM events WHERE type = 'distribution.paused'`, 1},
		{http.MethodPost, j + "/resume", nil, `SELECT count(*) FROM events WHERE type = 'distribution.resumed'`, 1},
		{http.MethodPost, j + "/cancel", nil, `SELECT count(*) FROM jobs WHERE canceling`, 1},
		{http.MethodPost, Prefix + "/api-keys", map[string]any{"name": "Once", "scopes": []string{"books:read"}}, `SELECT count(*) FROM api_keys`, 1},
		{http.MethodPost, "/rotate", nil, `SELECT count(*) FROM events WHERE type = 'security.api_key_rotated'`, 1},
		{http.MethodDelete, "", nil, `SELECT count(*) FROM events WHERE type = 'security.api_key_revoked'`, 1},
		{http.MethodPatch, Prefix + "/me", map[string]any{"name": "Once"}, `SELECT count(*) FROM users WHERE name = 'Once'`, 1},
		{http.MethodDelete, Prefix + "/me/sessions", nil, `SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL`, 0},
		{http.MethodPost, Prefix + "/users", map[string]any{"external_id": "once"}, `SELECT count(*) FROM users WHERE external_id = 'once'`, 1},
		{http.MethodPatch, u, map[string]any{"email": "once@example.com"}, `SELECT count(*) FROM audit_log WHERE action = 'user.edit'`, 1},
		{http.MethodPost, u + "/password-reset", nil, `SELECT count(*) FROM audit_log WHERE action = 'user.reset_password'`, 1},
		{http.MethodDelete, u + "/sessions", nil, `SELECT count(*) FROM audit_log WHERE action = 'user.end_sessions'`, 1},
		{http.MethodDelete, u, nil, `SELECT count(*) FROM audit_log WHERE action = 'user.erase'`, 1},
		{http.MethodPost, Prefix + "/webhooks", map[string]any{"url": receiver.URL + "/2", "events": []string{"*"}}, `SELECT count(*) FROM webhook_endpoints`, 2},
		{http.MethodPatch, w, map[string]any{"description": "new"}, `SELECT version FROM webhook_endpoints WHERE description = 'new'`, 2},
		{http.MethodPost, w + "/rotate-secret", nil, `SELECT count(*) FROM events WHERE type = 'webhook_endpoint.secret_rotated'`, 1},
		{http.MethodPost, Prefix + "/deliveries/" + string(d) + "/redeliver", nil, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'`, 1},
		{http.MethodDelete, w, nil, `SELECT count(*) FROM webhook_endpoints WHERE deleted_at IS NOT NULL`, 1},
		{http.MethodDelete, p, nil, `SELECT count(*) FROM pools WHERE deleted_at IS NOT NULL`, 0}, // in use by the job: refused
		{http.MethodPost, b + "/close", nil, `SELECT count(*) FROM events WHERE type = 'book.closed'`, 1},
		{http.MethodDelete, b, nil, `SELECT count(*) FROM events WHERE type = 'book.archived'`, 1},
	} {
		path := c.path
		if path == "" || path == "/rotate" {
			path = Prefix + "/api-keys/" + keyID + path
		}
		key := "key-" + uuid.NewString()
		first, secrets := h.many(t, 20, token, c.method, path, c.body, key)
		if strings.HasSuffix(path, "/api-keys") {
			var made apiKeyBody
			answer{body: []byte(first)}.read(t, &made)
			keyID = made.ID.String()
		}
		if slices.Contains(secretive, strings.ReplaceAll(path, keyID, "{id}")) || strings.HasSuffix(path, "-secret") || strings.HasSuffix(path, "-reset") {
			require.Equal(t, 1, secrets, "%s: the secret is told once", path)
		}
		var got int
		require.NoError(t, h.pool.QueryRow(t.Context(), c.effect).Scan(&got), "%s %s", c.method, path)
		require.Equal(t, c.n, got, "%d: %s %s", i, c.method, path)
		if strings.HasSuffix(path, "/books") || strings.HasSuffix(path, "/pools") || c.method == http.MethodPatch && path != w {
			other := h.call(t, token, c.method, path, map[string]any{"name": "Other"}, "Idempotency-Key", key)
			require.Equal(t, "idempotency_key_reused", other.problem.Code, path)
		}
	}
	var secrets int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM stored_answers WHERE answer::text ~ 'whsec_|cbk_|cbp_'`).Scan(&secrets))
	require.Zero(t, secrets, "answers are kept without their secrets")
	require.Equal(t, 422, h.call(t, token, http.MethodPost, Prefix+"/books", map[string]any{"name": "x"}, "Idempotency-Key", "a b").status)
	fixture.Verify(t, h.pool)
}

// secretFields are those of answers that are told once.
var secretFields = regexp.MustCompile(`,?"(key|secret|path)":"[^"]*"`)

// many sends a request n times at once under a key, and returns what all of
// them were answered, and how many were told a secret.
func (h *house) many(t *testing.T, n int, who, method, path string, body any, key string) (answered string, secrets int) {
	t.Helper()
	var mu sync.Mutex
	answers, replays, refused := map[string]int{}, 0, 0
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			got := h.call(t, who, method, path, body, "Idempotency-Key", key)
			mu.Lock()
			defer mu.Unlock()
			if got.status >= http.StatusBadRequest {
				refused++
				answers[got.problem.Code]++
				return
			}
			if secretFields.Match(got.body) {
				secrets++
			}
			answers[secretFields.ReplaceAllString(string(got.body), "")+"\x00"+got.header.Get("ETag")]++
			if got.header.Get("Idempotency-Replayed") == "true" {
				replays++
			}
		})
	}
	all.Wait()
	require.Len(t, answers, 1, "%s %s", method, path)
	if refused == 0 {
		require.Equal(t, n-1, replays, "%s %s", method, path)
	}
	answered, _, _ = strings.Cut(slices.Collect(maps.Keys(answers))[0], "\x00")
	return answered, secrets
}

// One key a hundred times at once makes one book.
func TestAHundredOfOneKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.many(t, 100, h.person(t, coupon.Manager), http.MethodPost, Prefix+"/books", map[string]any{"name": "Once"}, "key")
	var books int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM books`).Scan(&books))
	require.Equal(t, 1, books)
}

// A refusal uses no key up; an answer that another release wrote cannot be read,
// and says so.
func TestKeysThatBringNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	require.Equal(t, 422, h.call(t, manager, http.MethodPost, Prefix+"/books", map[string]any{"name": ""}, "Idempotency-Key", "key").status)
	require.Equal(t, 201, h.call(t, manager, http.MethodPost, Prefix+"/books", map[string]any{"name": "Mine"}, "Idempotency-Key", "key").status)
	_, err := h.pool.Exec(t.Context(), `UPDATE stored_answers SET answer = '"sealed"'`)
	require.NoError(t, err)
	got := h.call(t, manager, http.MethodPost, Prefix+"/books", map[string]any{"name": "Mine"}, "Idempotency-Key", "key")
	require.Equal(t, "idempotency_key_reused", got.problem.Code)
	require.Contains(t, got.problem.Detail, "another release")
	long := h.call(t, manager, http.MethodPost, Prefix+"/books", `{"name": "`+strings.Repeat("x", maxBody)+`"}`, "Idempotency-Key", "long")
	require.Equal(t, http.StatusRequestEntityTooLarge, long.status)
}

// A body that breaks off is refused, and uses no key up.
func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, Prefix+"/books", iotest.ErrReader(io.ErrUnexpectedEOF))
	request.Header.Set("Authorization", "Bearer "+h.person(t, coupon.Manager))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "key")
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, request)
	require.Equal(t, http.StatusBadRequest, recorder.Code)
	require.Contains(t, recorder.Body.String(), "ended before all of it had come")
	var keys int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM stored_answers`).Scan(&keys))
	require.Zero(t, keys)
}
