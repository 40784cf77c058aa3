package httpapi

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

const password = "a long enough password"

func (h *house) register(t *testing.T, email string) {
	t.Helper()
	got := h.call(t, "", http.MethodPost, Prefix+"/auth/register", map[string]any{"email": email, "password": password})
	require.Equal(t, 201, got.status, "%s", got.body)
}

// signIn returns what a server that signs in gets.
func (h *house) signIn(t *testing.T, email, word string) sessionBody {
	t.Helper()
	got := h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": email, "password": word})
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Empty(t, got.header.Values("Set-Cookie"), "no cookies were asked for")
	var in sessionBody
	got.read(t, &in)
	return in
}

func (h *house) refreshed(t *testing.T, token string) answer {
	t.Helper()
	return h.call(t, "", http.MethodPost, Prefix+"/auth/refresh", map[string]any{"refresh_token": token})
}

func (h *house) me(t *testing.T, token string) string {
	t.Helper()
	return h.call(t, token, http.MethodGet, Prefix+"/me", nil).problem.Code
}

// An account is made once; a wrong password and an unknown e-mail get the same
// answer; the token says who one is.
func TestAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "Ann@example.com")
	again := h.call(t, "", http.MethodPost, Prefix+"/auth/register", map[string]any{"email": "ann@example.com", "password": password})
	require.Equal(t, "email_taken", again.problem.Code)
	bad := h.call(t, "", http.MethodPost, Prefix+"/auth/register", map[string]any{"email": "x", "password": "short"})
	require.Equal(t, 422, bad.status)
	require.Len(t, bad.problem.Errors, 2, "all faults at once")
	for _, word := range []string{"Password123!", "1234567890", "aaaaaaaaaaaa", "ben.jones99"} {
		guessed := h.call(t, "", http.MethodPost, Prefix+"/auth/register", map[string]any{"email": "ben.jones@example.com", "password": word})
		require.Equal(t, 422, guessed.status, word)
		require.Contains(t, guessed.problem.Errors[0].Detail, "tried first")
	}

	login := func(email, word string) answer {
		return h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": email, "password": word})
	}
	wrong, unknown := login("ann@example.com", "not the password"), login("nobody@example.com", password)
	require.Equal(t, 401, wrong.status)
	wrong.problem.RequestID, unknown.problem.RequestID = "", ""
	require.Equal(t, wrong.problem, unknown.problem)

	var me userBody
	h.call(t, h.signIn(t, "ANN@example.com", password).AccessToken, http.MethodGet, Prefix+"/me", nil).read(t, &me)
	require.Equal(t, "ann@example.com", *me.Email)
	require.Equal(t, coupon.UserRole, me.Role, "registering never gives more")
}

// A refresh token works once and brings the next; one that comes again ends the
// whole session, also for who has the newest token, and is told of.
func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	in := h.signIn(t, "ann@example.com", password)
	require.Regexp(t, `^cbr_[\w-]{43}$`, in.RefreshToken)
	var next sessionBody
	h.refreshed(t, in.RefreshToken).read(t, &next)
	require.NotEqual(t, in.RefreshToken, next.RefreshToken)
	require.Empty(t, h.me(t, next.AccessToken))
	require.Empty(t, h.me(t, in.AccessToken), "the older access token lives out its minutes")

	for _, wrong := range []string{"", "cbr_" + strings.Repeat("a", 43), in.AccessToken, "cbk_0123456789ab_x"} {
		require.Equal(t, "session_ended", h.refreshed(t, wrong).problem.Code, wrong)
	}
	require.Equal(t, "unauthenticated", h.me(t, next.RefreshToken), "a refresh token is no access token")

	require.Equal(t, "session_ended", h.refreshed(t, in.RefreshToken).problem.Code)
	require.Equal(t, "session_ended", h.refreshed(t, next.RefreshToken).problem.Code)
	require.Equal(t, "session_ended", h.me(t, next.AccessToken))
	var told int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE type = 'security.refresh_token_reused'`).Scan(&told))
	require.Equal(t, 1, told)
}

// Of many who bring one token at once, one gets the next; that it came again
// ends the session.
func TestARefreshTokenRaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	in := h.signIn(t, "ann@example.com", password)
	var all sync.WaitGroup
	var mu sync.Mutex
	var got []int
	for range 20 {
		all.Go(func() {
			status := h.refreshed(t, in.RefreshToken).status
			mu.Lock()
			defer mu.Unlock()
			got = append(got, status)
		})
	}
	all.Wait()
	slices.Sort(got)
	require.Equal(t, append([]int{200}, slices.Repeat([]int{401}, 19)...), got)
	require.Equal(t, "session_ended", h.me(t, in.AccessToken))
}

// Who is signed in as somebody else cannot use a refresh token; it stays good.
func TestAnothersRefreshToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	in := h.signIn(t, "ann@example.com", password)
	other := h.call(t, h.person(t, coupon.UserRole), http.MethodPost, Prefix+"/auth/refresh", map[string]any{"refresh_token": in.RefreshToken})
	require.Equal(t, "session_ended", other.problem.Code)
	require.Equal(t, 200, h.refreshed(t, in.RefreshToken).status)
}

// Sessions end: idle too long, too old, at the user's word, and of a user who is
// disabled.
func TestSessionsThatAreOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	for _, change := range []string{ // idle, too old, disabled
		`UPDATE sessions SET used_at = now() - interval '61 minutes'`, `UPDATE sessions SET expires_at = now()`, `UPDATE users SET disabled_at = now()`,
	} {
		in := h.signIn(t, "ann@example.com", password)
		_, err := h.pool.Exec(t.Context(), change)
		require.NoError(t, err)
		require.Equal(t, "session_ended", h.refreshed(t, in.RefreshToken).problem.Code, change)
	}
	require.Equal(t, 401, h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "ann@example.com", "password": password}).status)
}

// Signing out ends the session at once: its access token, and its refresh token.
// It can be done with either.
func TestSigningOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	in := h.signIn(t, "ann@example.com", password)
	require.Equal(t, 204, h.call(t, in.AccessToken, http.MethodPost, Prefix+"/auth/logout", nil).status)
	require.Equal(t, "session_ended", h.me(t, in.AccessToken))
	require.Equal(t, "session_ended", h.refreshed(t, in.RefreshToken).problem.Code)

	in = h.signIn(t, "ann@example.com", password)
	for range 2 {
		require.Equal(t, 204, h.call(t, "", http.MethodPost, Prefix+"/auth/logout", map[string]any{"refresh_token": in.RefreshToken}).status)
		require.Equal(t, "session_ended", h.me(t, in.AccessToken))
	}
	require.Equal(t, 204, h.call(t, "", http.MethodPost, Prefix+"/auth/logout", nil).status, "who is not signed in is out")
}

// One sees one's sessions and ends one of them, or all others; nobody else's.
func TestMySessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	h.register(t, "ben@example.com")
	first, second, third := h.signIn(t, "ann@example.com", password), h.signIn(t, "ann@example.com", password), h.signIn(t, "ann@example.com", password)
	ben := h.signIn(t, "ben@example.com", password)
	list := func(token string) (rows []sessionRow) {
		var out struct{ Data []sessionRow }
		h.call(t, token, http.MethodGet, Prefix+"/me/sessions", nil).read(t, &out)
		return out.Data
	}
	rows := list(second.AccessToken)
	require.Len(t, rows, 3)
	require.Equal(t, "192.0.2.1", rows[0].Address.String())
	current := slices.IndexFunc(rows, func(r sessionRow) bool { return r.Current })
	require.Equal(t, 1, current)
	require.Equal(t, "session_not_found", h.call(t, ben.AccessToken, http.MethodDelete, Prefix+"/me/sessions/"+rows[0].ID.String(), nil).problem.Code)
	require.Equal(t, "session_not_found", h.call(t, ben.AccessToken, http.MethodDelete, Prefix+"/me/sessions/"+uuid.NewString(), nil).problem.Code)
	require.Empty(t, h.me(t, third.AccessToken))
	require.Equal(t, 204, h.call(t, second.AccessToken, http.MethodDelete, Prefix+"/me/sessions/"+rows[0].ID.String(), nil).status)
	require.Equal(t, "session_ended", h.me(t, third.AccessToken))
	require.Equal(t, 204, h.call(t, second.AccessToken, http.MethodDelete, Prefix+"/me/sessions", nil).status)
	require.Equal(t, "session_ended", h.me(t, first.AccessToken))
	require.Len(t, list(second.AccessToken), 1)
	require.Len(t, list(ben.AccessToken), 1)
}

// A password is changed by who knows it, and ends the other sessions.
func TestChangingAPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	here, there := h.signIn(t, "ann@example.com", password), h.signIn(t, "ann@example.com", password)
	change := func(present, next string) answer {
		return h.call(t, here.AccessToken, http.MethodPost, Prefix+"/me/password", map[string]any{"password": present, "new_password": next})
	}
	require.Equal(t, "wrong_password", change("not the password", "another good one").problem.Code)
	bad := change(password, "password1234")
	require.Equal(t, "/new_password", bad.problem.Errors[0].Pointer)
	require.Equal(t, 204, change(password, "another good one").status)
	require.Empty(t, h.me(t, here.AccessToken))
	require.Equal(t, "session_ended", h.me(t, there.AccessToken))
	require.Equal(t, 401, h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": "ann@example.com", "password": password}).status)
	h.signIn(t, "ann@example.com", "another good one")
}

// jar is a browser's cookies.
type jar map[string]*http.Cookie

func (j jar) take(got answer) {
	response := http.Response{Header: got.header}
	for _, c := range response.Cookies() {
		j[c.Name] = c
	}
}

func (j jar) header(names ...string) string {
	var pairs []string
	for name, c := range j {
		if len(names) == 0 || slices.Contains(names, name) {
			pairs = append(pairs, name+"="+c.Value)
		}
	}
	return strings.Join(pairs, "; ")
}

// A browser's session is out of scripts' reach; what changes something needs
// the CSRF token too, and must come from our own pages; it is carried on by its
// cookie, and signing out clears it.
func TestBrowserSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	const access, refresh = "__Host-" + accessCookie, "__Secure-" + refreshCookie
	got := h.call(t, "", http.MethodPost, Prefix+"/auth/login",
		map[string]any{"email": "ann@example.com", "password": password, "session": true}, "Cookie", access+"=stale")
	require.Equal(t, 200, got.status, "a stale cookie is no obstacle")
	cookies := jar{}
	cookies.take(got)
	require.Len(t, cookies, 3)
	for name, c := range cookies {
		require.True(t, c.Secure)
		require.Equal(t, name != csrfCookie, c.HttpOnly, "the app reads the CSRF token, and nothing else")
	}
	require.Equal(t, http.SameSiteLaxMode, cookies[access].SameSite)
	require.Equal(t, http.SameSiteStrictMode, cookies[refresh].SameSite)
	require.Equal(t, Prefix+"/auth", cookies[refresh].Path)
	var in sessionBody
	got.read(t, &in)
	require.Empty(t, in.RefreshToken, "it is in its cookie alone")
	require.Equal(t, cookies[csrfCookie].Value, in.CSRFToken)

	require.Equal(t, 200, h.call(t, "", http.MethodGet, Prefix+"/me", nil, "Cookie", cookies.header()).status)
	post := func(path string, headers ...string) answer {
		return h.call(t, "", http.MethodPost, Prefix+path, nil, append(headers, "Cookie", cookies.header())...)
	}
	require.Equal(t, "csrf_token", post("/books").problem.Code)
	require.Equal(t, "csrf_token", post("/books", csrfHeader, "wrong").problem.Code)
	require.Equal(t, "forbidden", post("/books", csrfHeader, in.CSRFToken).problem.Code, "past the CSRF check, a user may not")
	require.Equal(t, "cross_origin", post("/books", csrfHeader, in.CSRFToken, "Sec-Fetch-Site", "cross-site").problem.Code)
	require.Equal(t, "cross_origin", post("/auth/login", "Origin", "https://evil.example").problem.Code)

	require.Equal(t, "csrf_token", post("/auth/refresh").problem.Code)
	require.Equal(t, "csrf_token", post("/auth/logout").problem.Code)
	carried := h.call(t, "", http.MethodPost, Prefix+"/auth/refresh", nil, "Cookie", cookies.header(refresh, csrfCookie), csrfHeader, in.CSRFToken)
	require.Equal(t, 200, carried.status, "%s", carried.body)
	was := cookies[refresh].Value
	cookies.take(carried)
	require.NotEqual(t, was, cookies[refresh].Value)
	require.Equal(t, in.CSRFToken, cookies[csrfCookie].Value, "the session is the same")

	out := post("/auth/logout", csrfHeader, in.CSRFToken)
	require.Equal(t, 204, out.status)
	left := jar{}
	left.take(out)
	require.Len(t, left, 3)
	for _, c := range left {
		require.Empty(t, c.Value)
		require.Negative(t, c.MaxAge)
	}
	require.Equal(t, 401, h.call(t, "", http.MethodGet, Prefix+"/me", nil, "Cookie", cookies.header()).status, "the old cookie is worth nothing")
}

// The queue monitor is for admins, by their session.
func TestTheMonitorIsForAdmins(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for credential, status := range map[string]int{
		"": 401, h.person(t, coupon.UserRole): 403, h.person(t, coupon.Manager): 403, h.person(t, coupon.Admin): 200,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, monitoringPath+"/", nil)
		if credential != "" {
			request.AddCookie(&http.Cookie{Name: "__Host-" + accessCookie, Value: credential})
		}
		recorder := httptest.NewRecorder()
		h.handler.ServeHTTP(recorder, request)
		require.Equal(t, status, recorder.Code)
		if status == 200 {
			require.Equal(t, "monitor", recorder.Body.String())
		}
	}
}
