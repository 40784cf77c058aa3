package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/limit"
)

// app is somebody's authenticator app. Each of its codes works once, so that it
// shows the next one each time; the service allows for a clock half a minute off.
type app struct {
	secret string
	steps  time.Duration
}

func (a *app) code(t *testing.T) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, time.Now().Add(a.steps))
	require.NoError(t, err)
	a.steps += 30 * time.Second
	return code
}

const myFactor = Prefix + "/me/second-factor"

// begun begins a second factor. Its first code is that of half a minute ago.
func (h *house) begun(t *testing.T, token string) *app {
	t.Helper()
	got := h.call(t, token, http.MethodPost, myFactor, map[string]any{"password": password})
	require.Equal(t, 201, got.status, "%s", got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	var out struct{ Secret, URL string }
	got.read(t, &out)
	require.Contains(t, out.URL, out.Secret)
	return &app{out.Secret, -30 * time.Second}
}

// withFactor registers somebody with a second factor and signs him in.
func (h *house) withFactor(t *testing.T, email string) (in sessionBody, phone *app, recovery []string) {
	t.Helper()
	h.register(t, email)
	in = h.signIn(t, email, password)
	phone = h.begun(t, in.AccessToken)
	got := h.call(t, in.AccessToken, http.MethodPost, myFactor+"/confirm", map[string]any{"code": phone.code(t)})
	require.Equal(t, 200, got.status, "%s", got.body)
	var out struct {
		RecoveryCodes []string `json:"recovery_codes"`
	}
	got.read(t, &out)
	return in, phone, out.RecoveryCodes
}

func (h *house) login(t *testing.T, email, word, code string) answer {
	t.Helper()
	return h.call(t, "", http.MethodPost, Prefix+"/auth/login", map[string]any{"email": email, "password": word, "code": code})
}

// Who has a second factor signs in with a code of his app, too, or with a recovery
// code; each works once. Without the right password nobody learns that there is one.
func TestSigningInWithASecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in, phone, recovery := h.withFactor(t, "ann@example.com")
	require.Len(t, recovery, 10)
	var me userBody
	h.call(t, in.AccessToken, http.MethodGet, Prefix+"/me", nil).read(t, &me)
	require.WithinDuration(t, time.Now(), *me.Factor, time.Minute)

	require.Equal(t, "wrong_credentials", h.login(t, "ann@example.com", "not the password", "").problem.Code)
	required := h.login(t, "ann@example.com", password, "")
	require.Equal(t, 401, required.status)
	require.Equal(t, "second_factor_required", required.problem.Code)
	for _, wrong := range []string{"000000", "abcd-efgh-ijkl-mnop", "x"} {
		require.Equal(t, "wrong_second_factor", h.login(t, "ann@example.com", password, wrong).problem.Code, wrong)
	}
	code := phone.code(t)
	require.Equal(t, 200, h.login(t, "ann@example.com", password, code).status)
	require.Equal(t, "wrong_second_factor", h.login(t, "ann@example.com", password, code).problem.Code, "a code works once")
	require.Equal(t, 200, h.login(t, "ann@example.com", password, recovery[3]).status)
	require.Equal(t, "wrong_second_factor", h.login(t, "ann@example.com", password, recovery[3]).problem.Code, "and so does a recovery code")
	require.Equal(t, 200, h.login(t, "ann@example.com", password, recovery[4]).status)

	var kept string
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT array_to_string(recovery_digests, ' ') FROM users WHERE email = 'ann@example.com'`).Scan(&kept))
	for _, one := range recovery {
		require.NotContains(t, kept, one)
	}
}

// Of twenty who sign in with one code at once, one gets in.
func TestASecondFactorRaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, phone, recovery := h.withFactor(t, "ann@example.com")
	for _, code := range []string{phone.code(t), recovery[0]} {
		var all sync.WaitGroup
		var in atomic.Int32
		for range 20 {
			all.Go(func() {
				if h.login(t, "ann@example.com", password, code).status == 200 {
					in.Add(1)
				}
			})
		}
		all.Wait()
		require.Equal(t, int32(1), in.Load(), code)
	}
}

// One that is turned on while the password is compared is asked for, too.
func TestASecondFactorTurnedOnMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	tx, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `UPDATE users SET factor_secret = 'JBSWY3DPEHPK3PXP', factor_since = now() WHERE email = 'ann@example.com'`)
	require.NoError(t, err)
	var got answer
	var login sync.WaitGroup
	login.Go(func() { got = h.login(t, "ann@example.com", password, "") })
	require.Eventually(t, func() (waits bool) {
		require.NoError(t, h.pool.QueryRow(t.Context(),
			`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits))
		return waits
	}, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, tx.Commit(t.Context()))
	login.Wait()
	require.Equal(t, "second_factor_required", got.problem.Code)
}

// It is begun with the password, may be begun anew, is asked for only when its
// app was shown to know the secret, and ends the other sessions then.
func TestTurningASecondFactorOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.register(t, "ann@example.com")
	other, in := h.signIn(t, "ann@example.com", password), h.signIn(t, "ann@example.com", password)
	confirm := func(code string) answer {
		return h.call(t, in.AccessToken, http.MethodPost, myFactor+"/confirm", map[string]any{"code": code})
	}
	require.Equal(t, "wrong_password", h.call(t, in.AccessToken, http.MethodPost, myFactor, map[string]any{"password": "not it"}).problem.Code)
	require.Equal(t, "second_factor_off", confirm("000000").problem.Code)
	first := h.begun(t, in.AccessToken)
	phone := h.begun(t, in.AccessToken)
	require.Equal(t, "wrong_second_factor", confirm(first.code(t)).problem.Code, "begun anew, the first is forgotten")
	require.Equal(t, 200, h.login(t, "ann@example.com", password, "").status, "not asked for yet")
	require.Equal(t, 200, confirm(phone.code(t)).status)
	require.Equal(t, "session_ended", h.me(t, other.AccessToken))
	require.Empty(t, h.me(t, in.AccessToken))
	require.Equal(t, "second_factor_on", confirm(phone.code(t)).problem.Code)
	require.Equal(t, "second_factor_on", h.call(t, in.AccessToken, http.MethodPost, myFactor, map[string]any{"password": password}).problem.Code)
}

// It is removed with the password and a code, or by an admin, who cannot use that
// way for himself.
func TestRemovingASecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in, phone, recovery := h.withFactor(t, "ann@example.com")
	remove := func(word, code string) answer {
		return h.call(t, in.AccessToken, http.MethodPost, myFactor+"/remove", map[string]any{"password": word, "code": code})
	}
	require.Equal(t, "wrong_password", remove("not it", recovery[0]).problem.Code)
	require.Equal(t, "wrong_second_factor", remove(password, "000000").problem.Code)
	require.Equal(t, 204, remove(password, phone.code(t)).status)
	require.Equal(t, "second_factor_off", remove(password, recovery[0]).problem.Code)
	require.Equal(t, 200, h.login(t, "ann@example.com", password, "").status)

	ben, _, _ := h.withFactor(t, "ben@example.com")
	var me userBody
	h.call(t, ben.AccessToken, http.MethodGet, Prefix+"/me", nil).read(t, &me)
	admin := h.person(t, coupon.Admin)
	take := func(id string) answer {
		return h.call(t, admin, http.MethodDelete, Prefix+"/users/"+id+"/second-factor", nil)
	}
	require.Equal(t, 204, take(me.ID.String()).status)
	require.Equal(t, "session_ended", h.me(t, ben.AccessToken))
	require.Equal(t, 200, h.login(t, "ben@example.com", password, "").status)
	require.Equal(t, "second_factor_off", take(me.ID.String()).problem.Code)
	var self userBody
	h.call(t, admin, http.MethodGet, Prefix+"/me", nil).read(t, &self)
	require.Equal(t, "own_account", take(self.ID.String()).problem.Code)
	var noted int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action = 'user.remove_second_factor' AND target_id = $1`, me.ID).Scan(&noted))
	require.Equal(t, 1, noted)
}

// Codes cannot be tried without end, by who has the password or a session.
func TestManyCodesTried(t *testing.T) {
	t.Parallel()
	h := guarded(t, limit.Rates{SignIns: limit.Rate{Count: 5, Per: 15 * time.Minute}})
	in, _, _ := h.withFactor(t, "ann@example.com") // two of five, of the session
	got := map[string]int{}
	for i := range 20 {
		got[h.login(t, "ann@example.com", password, strconv.Itoa(100_000+i)).problem.Code]++
	}
	require.Equal(t, map[string]int{"wrong_second_factor": 5, "too_many_sign_ins": 15}, got)
	clear(got)
	for i := range 20 {
		tried := h.call(t, in.AccessToken, http.MethodPost, myFactor+"/remove", map[string]any{"password": password, "code": strconv.Itoa(100_000 + i)})
		got[tried.problem.Code]++
	}
	require.Equal(t, map[string]int{"wrong_second_factor": 3, "too_many_sign_ins": 17}, got)
}

// Of an erased user no secret is left.
func TestAnErasedSecondFactor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in, _, _ := h.withFactor(t, "ann@example.com")
	var me userBody
	h.call(t, in.AccessToken, http.MethodGet, Prefix+"/me", nil).read(t, &me)
	require.Equal(t, 204, h.call(t, h.person(t, coupon.Admin), http.MethodDelete, Prefix+"/users/"+me.ID.String(), nil).status)
	var left int
	require.NoError(t, h.pool.QueryRow(t.Context(),
		`SELECT count(*) FROM users WHERE num_nonnulls(factor_secret, factor_since) > 0 OR recovery_digests <> '{}'`).Scan(&left))
	require.Zero(t, left)
}
