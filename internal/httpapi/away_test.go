package httpapi

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/devservices"
	"couponbook/internal/limit"
)

// While Postgres is away, whatever needs it answers 503 with the time to try
// again, and never 500: the client did nothing wrong, and it will pass.
func TestPostgresIsAway(t *testing.T) {
	t.Parallel()
	port, err := devservices.FreePort(t.Context(), 0)
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), fmt.Sprintf("postgres://nobody@127.0.0.1:%d/none?connect_timeout=2", port))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	h := newHouseOn(t, pool, limited(t, limit.Rates{Anonymous: every(2)}))
	admin := h.token(t, auth.Principal{UserID: uuid.New(), Role: coupon.Admin})
	key, _, _ := auth.NewKey()
	book, job := "/books/"+uuid.NewString(), "/jobs/"+uuid.NewString()
	account := `{"email": "ann@example.com", "password": "a long enough password"}`
	for _, c := range []struct {
		method, path, credential string
		body                     any
	}{
		{http.MethodPost, "/auth/register", "", account},
		{http.MethodPost, "/auth/login", "", account},
		{http.MethodGet, "/me", admin, nil},
		{http.MethodGet, "/me/coupons", admin, nil},
		{http.MethodGet, "/api-keys", admin, nil},
		{http.MethodPost, "/api-keys", admin, `{"name": "till", "scopes": ["claims:write"]}`},
		{http.MethodDelete, "/api-keys/" + uuid.NewString(), admin, nil},
		{http.MethodGet, "/books", admin, nil},
		{http.MethodPost, "/books", admin, `{"name": "Sale"}`},
		{http.MethodGet, book, admin, nil},
		{http.MethodPatch, book, admin, `{"name": "Sale"}`},
		{http.MethodPost, book + "/activate", admin, nil},
		{http.MethodGet, book + "/stats", admin, nil},
		{http.MethodPost, book + "/codes/generate", admin, `{"count": 1}`},
		{http.MethodPost, book + "/claims", admin, nil},
		{http.MethodPost, book + "/claims", key, nil}, // whose it is cannot be found out: he is not taken for nobody, and told
		{http.MethodGet, "/jobs", admin, nil},
		{http.MethodGet, job, admin, nil},
	} {
		start := time.Now()
		got := h.call(t, c.credential, c.method, Prefix+c.path, c.body)
		require.Equal(t, http.StatusServiceUnavailable, got.status, "%s %s: %s", c.method, c.path, got.body)
		require.Equal(t, "busy", got.problem.Code, "%s %s", c.method, c.path)
		require.Equal(t, "1", got.header.Get("Retry-After"), "%s %s", c.method, c.path)
		require.Less(t, time.Since(start), 5*time.Second)
	}
}
