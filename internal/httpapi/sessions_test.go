package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

const password = "a long enough password"

func (h *house) register(t *testing.T, email string) {
	t.Helper()
	got := h.call(t, "", http.MethodPost, Prefix+"/auth/register", map[string]any{"email": email, "password": password})
	require.Equal(t, 201, got.status, "%s", got.body)
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

	login := func(email, word string) answer {
		return h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": email, "password": word})
	}
	wrong, unknown := login("ann@example.com", "not the password"), login("nobody@example.com", password)
	require.Equal(t, 401, wrong.status)
	wrong.problem.RequestID, unknown.problem.RequestID = "", ""
	require.Equal(t, wrong.problem, unknown.problem)

	got := login("ANN@example.com", password)
	require.Equal(t, 200, got.status)
	require.Empty(t, got.header.Values("Set-Cookie"), "no session was asked for")
	var in struct {
		AccessToken string `json:"access_token"`
	}
	got.read(t, &in)
	var me userBody
	h.call(t, in.AccessToken, http.MethodGet, Prefix+"/me", nil).read(t, &me)
	require.Equal(t, "ann@example.com", *me.Email)
	require.Equal(t, coupon.UserRole, me.Role, "registering never gives more")
}

// A browser's session is out of scripts' reach; what changes something needs
// the CSRF token too; signing out clears it.
func TestBrowserSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	got := h.call(t, "", http.MethodPost, Prefix+"/auth/login",
		map[string]any{"email": "ann@example.com", "password": password, "session": true}, "Cookie", sessionCookie+"=stale")
	require.Equal(t, 200, got.status, "a stale cookie is no obstacle")
	response := http.Response{Header: got.header}
	cookies := map[string]*http.Cookie{}
	var pairs []string
	for _, c := range response.Cookies() {
		cookies[c.Name] = c
		pairs = append(pairs, c.Name+"="+c.Value)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.True(t, c.Secure)
	}
	require.True(t, cookies[sessionCookie].HttpOnly)
	require.False(t, cookies[csrfCookie].HttpOnly, "the app reads it")
	var in struct {
		CSRFToken string `json:"csrf_token"`
	}
	got.read(t, &in)
	require.Equal(t, cookies[csrfCookie].Value, in.CSRFToken)

	jar := strings.Join(pairs, "; ")
	require.Equal(t, 200, h.call(t, "", http.MethodGet, Prefix+"/me", nil, "Cookie", jar).status)
	post := func(headers ...string) answer {
		return h.call(t, "", http.MethodPost, Prefix+"/books", map[string]any{"name": "x"}, append(headers, "Cookie", jar)...)
	}
	require.Equal(t, "csrf_token", post().problem.Code)
	require.Equal(t, "csrf_token", post(csrfHeader, "wrong").problem.Code)
	require.Equal(t, "forbidden", post(csrfHeader, in.CSRFToken).problem.Code, "past the CSRF check, a user may not")

	out := h.call(t, "", http.MethodPost, Prefix+"/auth/logout", nil, "Cookie", jar)
	require.Equal(t, 204, out.status)
	response = http.Response{Header: out.header}
	require.Len(t, response.Cookies(), 2)
	for _, c := range response.Cookies() {
		require.Empty(t, c.Value)
		require.Negative(t, c.MaxAge)
	}
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
			request.AddCookie(&http.Cookie{Name: sessionCookie, Value: credential})
		}
		recorder := httptest.NewRecorder()
		h.handler.ServeHTTP(recorder, request)
		require.Equal(t, status, recorder.Code)
		if status == 200 {
			require.Equal(t, "monitor", recorder.Body.String())
		}
	}
}
