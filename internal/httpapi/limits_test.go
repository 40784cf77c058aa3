package httpapi

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/limit"
	"couponbook/internal/redisdb"
	"couponbook/internal/testdb"
	"couponbook/internal/testredis"
)

// guarded is a house with limits.
func guarded(t *testing.T, rates limit.Rates) *house {
	t.Helper()
	return newHouseOn(t, testdb.New(t), limited(t, rates))
}

func limited(t *testing.T, rates limit.Rates) func(*Options) {
	t.Helper()
	client, err := redisdb.Open(testredis.New(t).URL, redisdb.ForQueues)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return func(o *Options) { o.Limits, o.Rates = limit.New(client), rates }
}

func every(n int) limit.Rate { return limit.Rate{Count: n, Per: time.Minute} }

// Each sort of caller has its rate, is told what is left of it, and is refused
// with a time when it is used up; others are not touched.
func TestRates(t *testing.T) {
	t.Parallel()
	h := guarded(t, limit.Rates{Requests: every(5), KeyRequests: every(7), Anonymous: every(3), Claims: every(2)})
	book := fixture.Book(t, h.pool, 20, 0)
	person, other := h.person(t, coupon.UserRole), h.person(t, coupon.UserRole)
	key, _ := h.key(t, coupon.Admin, auth.BooksRead)
	for _, c := range []struct {
		name, credential, method, path string
		passes                         int
	}{
		{"requests", person, http.MethodGet, Prefix + "/me", 5},
		{"claims", person, http.MethodPost, bookPath(book, "/claims"), 2},
		{"key-requests", key, http.MethodGet, Prefix + "/books", 7},
		{"anonymous", "", http.MethodGet, Prefix + "/event-types", 3},
	} {
		for left := c.passes - 1; left >= 0; left-- {
			got := h.call(t, c.credential, c.method, c.path, nil)
			require.Less(t, got.status, 300, c.name)
			require.Equal(t, fmt.Sprintf("%q;q=%d;w=60", c.name, c.passes), got.header.Get("RateLimit-Policy"))
			require.True(t, strings.HasPrefix(got.header.Get("RateLimit"), fmt.Sprintf("%q;r=%d;t=", c.name, left)), got.header.Get("RateLimit"))
		}
		got := h.call(t, c.credential, c.method, c.path, nil)
		require.Equal(t, http.StatusTooManyRequests, got.status, c.name)
		require.Equal(t, "too_many_requests", got.problem.Code)
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		require.Positive(t, wait)
		require.LessOrEqual(t, wait, 60)
	}
	require.Equal(t, 200, h.call(t, other, http.MethodGet, Prefix+"/me", nil).status)
	require.Equal(t, 429, h.call(t, "guessed", http.MethodGet, Prefix+"/me", nil).status, "who tries tokens is nobody we know")
}

// A thousand tries to sign in with wrong passwords: ten get an answer about the
// password, whatever address they claim to come from. Another account, and the
// same from elsewhere, can sign in meanwhile; and so can this one, a while later.
func TestAThousandWrongPasswords(t *testing.T) {
	t.Parallel()
	h := guarded(t, limit.Rates{SignIns: limit.Rate{Count: 10, Per: 15 * time.Minute}, SignInsFrom: limit.Rate{Count: 5000, Per: time.Minute}})
	h.register(t, "ann@example.com")
	h.register(t, "ben@example.com")
	got := map[string]int{}
	for i := range 1000 {
		tried := h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "ann@example.com", "password": "wrong " + strconv.Itoa(i)},
			"X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i%250))
		got[tried.problem.Code]++
		if tried.status == http.StatusTooManyRequests {
			require.NotEmpty(t, tried.header.Get("Retry-After"))
		}
	}
	require.Equal(t, map[string]int{"wrong_credentials": 10, "too_many_sign_ins": 990}, got)
	h.signIn(t, "ben@example.com", password)
	right := map[string]any{"email": "ann@example.com", "password": password}
	require.Equal(t, 429, h.call(t, "", http.MethodPost, Prefix+"/auth/login", right).status)

	// The wait is that of one try; after it one is let in, and begins anew.
	later := guarded(t, limit.Rates{SignIns: limit.Rate{Count: 2, Per: time.Second}})
	later.register(t, "ann@example.com")
	for range 3 {
		later.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "ann@example.com", "password": "wrong"})
	}
	require.Eventually(t, func() bool {
		return later.call(t, "", http.MethodPost, Prefix+"/auth/login", right).status == http.StatusOK
	}, 5*time.Second, 100*time.Millisecond)
	for range 2 {
		require.Equal(t, "wrong_credentials", later.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "ann@example.com", "password": "wrong"}).problem.Code)
	}
}

// Time does not tell who has an account. No test of this package runs beside
// this one.
func TestUnknownEMailsTakeAsLong(t *testing.T) { //nolint:paralleltest // measures
	h := newHouse(t)
	h.register(t, "ann@example.com")
	try := func(email string) time.Duration {
		start := time.Now()
		require.Equal(t, 401, h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": email, "password": "not the password"}).status)
		return time.Since(start)
	}
	median := func(all []time.Duration) float64 {
		sorted := slices.Sorted(slices.Values(all))
		return float64(sorted[len(sorted)/2])
	}
	var known, unknown []time.Duration
	for range 10 { // a busy machine needs more samples
		for range 40 { // in turns, so that whatever else the machine does touches both
			if rand.N(2) == 0 { // and in no fixed order: garbage is collected at every second try, as each makes 19 MiB of it
				known = append(known, try("ann@example.com"))
				unknown = append(unknown, try("nobody@example.com"))
				continue
			}
			unknown = append(unknown, try("nobody@example.com"))
			known = append(known, try("ann@example.com"))
		}
		ratio := median(known) / median(unknown)
		t.Logf("%d tries: a known e-mail takes %.3f times as long as an unknown one", len(known), ratio)
		if ratio > 0.95 && ratio < 1.05 {
			return
		}
	}
	require.Fail(t, "the medians differ by more than 5 %")
}

// Who types codes that are not his gets one answer for those that exist and
// those that do not, and after ten of them none; his own still count for nothing.
// That it happened is told once.
func TestGuessingCodes(t *testing.T) {
	t.Parallel()
	h := guarded(t, limit.Rates{WrongCodes: limit.Rate{Count: 10, Per: 10 * time.Minute}, WrongFrom: limit.Rate{Count: 15, Per: 10 * time.Minute}})
	w := h.world(t)
	guesser := fixture.User(t, h.pool, coupon.UserRole)
	own, token := h.granted(t, w.book, guesser), h.token(t, guesser)
	try := func(credential, code string) answer {
		return h.call(t, credential, http.MethodPost, Prefix+"/coupons/"+code+"/validate", nil)
	}
	var theirs string
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT code FROM coupons WHERE id = $1`, w.held).Scan(&theirs))
	first, second := try(token, theirs), try(token, "NOBODY-HAS-THIS")
	first.problem.RequestID, second.problem.RequestID = "", ""
	require.Equal(t, first.problem, second.problem)
	require.Equal(t, "coupon_unavailable", first.problem.Code)
	for range 20 {
		require.Equal(t, 200, try(token, own.String()).status, "one's own cost nothing")
	}
	for i := range 8 {
		require.Equal(t, "coupon_unavailable", try(token, fmt.Sprintf("GUESS-%d", i)).problem.Code)
	}
	for i := range 5 {
		refused := try(token, fmt.Sprintf("GUESS-MORE-%d", i))
		require.Equal(t, "too_many_codes", refused.problem.Code)
		require.NotEmpty(t, refused.header.Get("Retry-After"))
	}
	require.Equal(t, "too_many_codes", try(token, theirs).problem.Code, "a right guess learns nothing either")
	accomplice := h.person(t, coupon.UserRole)
	for range 5 {
		require.Equal(t, "coupon_unavailable", try(accomplice, "GUESS").problem.Code)
	}
	require.Equal(t, "too_many_codes", try(accomplice, "GUESS").problem.Code, "others from the same address share a budget")
	require.Equal(t, 200, try(w.managerToken, theirs).status, "staff is not limited")
	var told, of int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT user_id) FROM events WHERE type = 'security.code_guessing'`).Scan(&told, &of))
	require.Equal(t, 2, told)
	require.Equal(t, 2, of)
}
