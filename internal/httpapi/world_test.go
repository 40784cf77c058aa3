package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// world has one of each thing that a path can name, of one manager and one user.
type world struct {
	manager, holder       auth.Principal
	managerToken, holders string // access tokens
	book, draft           coupon.Book
	batch                 uuid.UUID
	used, held, free      uuid.UUID // coupons: the holder's two, and nobody's
	redemption            uuid.UUID
	pool                  uuid.UUID
	endpoint              uuid.UUID
	delivery              int64
	ended, waiting        uuid.UUID // distributions
	paused, broken        uuid.UUID // a distribution, and a job that failed by our fault
	session               uuid.UUID // of the holder
	key, other            uuid.UUID // an API key, and a user
}

func (h *house) world(t *testing.T) world {
	t.Helper()
	ctx := context.Background()
	book := fixture.Book(t, h.pool, 40, 0)
	w := world{book: book, manager: fixture.Owner(book), holder: fixture.User(t, h.pool, coupon.UserRole)}
	w.managerToken = h.token(t, w.manager)
	w.session = uuid.Must(uuid.NewV7())
	token, err := h.tokens.Issue(coupon.User{ID: w.holder.UserID, Role: coupon.UserRole}, w.session, time.Now())
	require.NoError(t, err)
	w.holders = token.Text
	require.NoError(t, postgres.NewStore(h.pool).AddSession(ctx, coupon.Session{ID: w.session, UserID: w.holder.UserID}, time.Hour))

	rollback := fixture.Edit(func(s *coupon.BookSettings) { s.RollbackWindow, s.RequireLock = time.Hour, false })
	_, err = h.service.EditBook(ctx, w.manager, book.ID, nil, rollback)
	require.NoError(t, err)
	w.draft, err = h.service.CreateBook(ctx, w.manager, coupon.NewSettings("Draft"))
	require.NoError(t, err)
	w.used, w.held = h.granted(t, book, w.holder), h.granted(t, book, w.holder)
	done, err := h.api.Till.Redeem(ctx, w.holder, postgres.CouponRef{ID: &w.used}, service.RedeemInput{})
	require.NoError(t, err)
	w.redemption = done.Redemption.ID
	require.NoError(t, h.pool.QueryRow(ctx, `SELECT id, batch_id FROM coupons WHERE book_id = $1 AND state = 'UNASSIGNED' LIMIT 1`, book.ID).Scan(&w.free, &w.batch))

	w.pool = fixture.Pool(t, h.pool, w.manager, []auth.Principal{w.holder}).ID
	endpoint, _, err := h.webhooks.CreateEndpoint(ctx, w.manager, coupon.EndpointSettings{URL: fixture.NewReceiver(t).URL, Events: []string{"*"}})
	require.NoError(t, err)
	w.endpoint = endpoint.ID
	delivery, _, err := h.webhooks.TestEndpoint(ctx, w.manager, endpoint.ID)
	require.NoError(t, err)
	w.delivery = delivery.ID

	w.ended = h.distribution(t, w)
	_, err = h.service.Distribute(ctx, w.ended)
	require.NoError(t, err)
	w.waiting, w.paused = h.distribution(t, w), h.distribution(t, w)
	_, err = h.service.PauseJob(ctx, w.manager, w.paused)
	require.NoError(t, err)
	submitted, err := h.service.SubmitGenerate(ctx, w.manager, service.GenerateRequest{BookID: book.ID, Count: 1})
	require.NoError(t, err)
	w.broken = submitted.Job.ID
	_, err = h.pool.Exec(ctx, `
		WITH broken AS (
			UPDATE jobs SET status = 'failed', error_code = 'internal', error_detail = 'broken', finished_at = now() WHERE id = $1 RETURNING id, book_id)
		INSERT INTO events (type, book_id, job_id, created_at) SELECT 'job.failed', book_id, id, now() FROM broken`, w.broken)
	require.NoError(t, err)
	_, w.key = h.key(t, coupon.Manager, auth.BooksRead)
	other, err := coupon.NewUser(uuid.NewString()+"@example.com", "", "", coupon.UserRole, time.Now())
	require.NoError(t, err)
	require.NoError(t, postgres.NewStore(h.pool).AddUser(ctx, other))
	w.other = other.ID
	return w
}

func (h *house) distribution(t *testing.T, w world) uuid.UUID {
	t.Helper()
	submitted, err := h.service.SubmitDistribution(context.Background(), w.manager, service.DistributionRequest{
		PoolID: w.pool, BookID: w.book.ID, Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
	})
	require.NoError(t, err)
	return submitted.Job.ID
}

// granted has a coupon of the book given to a user.
func (h *house) granted(t *testing.T, book coupon.Book, user auth.Principal) (id uuid.UUID) {
	t.Helper()
	jobs := fixture.Queued(t, h.pool, book.ID, []auth.Principal{user}, 1)
	_, err := h.drainer.Drain(context.Background(), book.ID)
	require.NoError(t, err)
	require.NoError(t, h.pool.QueryRow(context.Background(), `SELECT coupon_ids[1] FROM jobs WHERE id = $1`, jobs[0]).Scan(&id))
	return id
}

// ready is a request that is fine, if its caller may.
type ready struct {
	method, path, contentType string
	body                      any
}

// request is one for a route with the ids of a world.
func (w world) request(r route) ready {
	q := ready{method: r.method, contentType: "application/json", body: w.bodies()[r.id]}
	ids := w.named(r.path)
	switch r.id {
	case "get-book", "claim":
		ids["id"] = w.draft.ID.String()
	case "assign-coupon":
		ids["coupon"] = w.free.String()
	case "recall-job", "job-outcomes", "job-report":
		ids["id"] = w.ended.String()
	case "resume-job":
		ids["id"] = w.paused.String()
	case "retry-job":
		ids["id"] = w.broken.String()
	case "upload-codes", "import-members":
		q.contentType = "text/csv"
	}
	q.path = Prefix + r.path
	for name, id := range ids {
		q.path = strings.ReplaceAll(q.path, "{"+name+"}", id)
	}
	return q
}

// named are the ids that fit into a path.
func (w world) named(path string) map[string]string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return map[string]string{
		"coupon": w.held.String(), "batch": w.batch.String(), "token": "x",
		"id": map[string]string{
			"books": w.book.ID.String(), "jobs": w.waiting.String(), "pools": w.pool.String(), "webhooks": w.endpoint.String(),
			"deliveries": strconv.FormatInt(w.delivery, 10), "redemptions": w.redemption.String(), "me": w.session.String(),
			"api-keys": w.key.String(), "users": w.other.String(), "sales": w.book.ID.String(),
		}[first],
	}
}

func (w world) bodies() map[string]any {
	reason := map[string]any{"reason": "a test"}
	member := map[string]any{"members": []any{map[string]any{"user_id": w.other}}}
	return map[string]any{
		"register": map[string]any{"email": uuid.NewString() + "@example.com", "password": password},
		"login":    map[string]any{"email": "nobody@example.com", "password": password},
		"refresh":  map[string]any{"refresh_token": "x"}, "reset-password": map[string]any{"token": "x", "password": password},
		"edit-me": map[string]any{"name": "Ann"}, "change-password": map[string]any{"password": "wrong", "new_password": password},
		"begin-second-factor": map[string]any{"password": "wrong"}, "confirm-second-factor": map[string]any{"code": "000000"},
		"remove-second-factor": map[string]any{"password": "wrong", "code": "000000"},
		"create-user":          map[string]any{"external_id": uuid.NewString()}, "edit-user": map[string]any{"name": "Ben"},
		"create-api-key": map[string]any{"name": "till", "scopes": []string{"books:read"}},
		"create-book":    map[string]any{"name": "Sale"}, "edit-book": map[string]any{"description": "another"},
		"add-coupon": map[string]any{"code": "ONE-" + uuid.NewString()[:8]}, "void-batch": reason,
		"preview-codes": map[string]any{"count": 5}, "generate-codes": map[string]any{"count": 5},
		"upload-codes": "code\nUP-" + uuid.NewString()[:8] + "\n", "import-members": "user\n" + w.other.String() + "\n",
		"claim-batch":   map[string]any{"items": []any{map[string]any{"item_id": "1", "user_id": w.holder.UserID}}},
		"unlock-coupon": map[string]any{"reason": "a test"}, "redeem-coupon": map[string]any{}, "lock-coupon": map[string]any{},
		"assign-coupon": map[string]any{"user_id": w.holder.UserID}, "revoke-coupon": reason, "void-coupon": reason,
		"disable-coupon": reason, "enable-coupon": reason, "roll-back-redemption": reason,
		"create-pool": map[string]any{"name": "Regulars"}, "edit-pool": map[string]any{"name": "Others"},
		"add-members": member, "remove-members": map[string]any{"members": []any{map[string]any{"user_id": w.holder.UserID}}},
		"distribute":     map[string]any{"book_id": w.book.ID, "mode": "equal", "per_user": 1},
		"create-webhook": map[string]any{"url": "http://127.0.0.1:1/", "events": []string{"*"}}, "edit-webhook": map[string]any{"description": "the till"},
		"replay-webhook": map[string]any{"from": time.Now().Add(-time.Hour), "to": time.Now().Add(time.Hour)},
		"recall-job":     reason, "make-reset-link": nil,
	}
}

// send sends the request as somebody.
func (h *house) ask(t *testing.T, credential string, q ready) answer {
	t.Helper()
	if q.body == nil && q.method == http.MethodGet {
		return h.call(t, credential, q.method, q.path, nil)
	}
	body := q.body
	if text, ok := body.(string); !ok && body != nil {
		data, err := json.Marshal(body)
		require.NoError(t, err)
		body = string(data)
	} else if ok {
		body = text
	}
	return h.call(t, credential, q.method, q.path, body, "Content-Type", q.contentType)
}
