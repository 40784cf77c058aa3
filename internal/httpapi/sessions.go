package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// The cookies of a browser's session: the access token, the refresh token that
// goes to the auth routes alone, and the CSRF token that the app reads.
const (
	accessCookie  = "couponbook_session"
	refreshCookie = "couponbook_refresh"
	csrfCookie    = "couponbook_csrf"
)

// cookie is the name of a cookie that scripts cannot read. Over HTTPS no other
// host and no page without can set it.
func (a *API) cookie(name string) string {
	switch {
	case !a.CookieSecure:
		return name
	case name == refreshCookie: // it has a path of its own
		return "__Secure-" + name
	default:
		return "__Host-" + name
	}
}

type loginRequest struct {
	Body struct {
		Email    string `json:"email"`
		Password string `json:"password" maxLength:"1000"`
		Code     string `json:"code,omitempty" maxLength:"100" doc:"where the account has a second factor: what the authenticator app shows, or a recovery code"`
		Session  bool   `json:"session,omitempty" doc:"set the browser's cookies, in the place of the refresh token here"`
	}
}

type sessionBody struct {
	User             userBody  `json:"user"`
	AccessToken      string    `json:"access_token" doc:"send it as Authorization: Bearer"`
	ExpiresAt        time.Time `json:"expires_at" doc:"of the access token"`
	RefreshToken     string    `json:"refresh_token,omitempty" doc:"carries the session on, once: POST /auth/refresh answers with the next one. Left out when it is a cookie"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at" doc:"the session ends, unless it is carried on"`
	CSRFToken        string    `json:"csrf_token" doc:"with cookies, send it as X-CSRF-Token on unsafe methods"`
}

type sessionResponse struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      sessionBody
}

// login answers alike for an unknown e-mail and a wrong password.
func (a *API) login(ctx context.Context, in *loginRequest) (*sessionResponse, error) {
	forget, err := a.maySignIn(ctx, in.Body.Email)
	if err != nil {
		return nil, err
	}
	signedIn, err := a.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password, in.Body.Code)
	if err != nil {
		return nil, err
	}
	forget()
	return a.answerSession(signedIn, in.Body.Session), nil
}

func (a *API) answerSession(in service.SignedIn, cookies bool) *sessionResponse {
	out := &sessionResponse{Body: sessionBody{
		User: newUserBody(in.User), AccessToken: in.Token.Text, ExpiresAt: in.Token.ExpiresAt,
		RefreshToken: in.Refresh, RefreshExpiresAt: in.Until, CSRFToken: a.Tokens.CSRF(in.Token.SessionID),
	}}
	if cookies {
		out.SetCookie, out.Body.RefreshToken = a.sessionCookies(in), ""
	}
	return out
}

func (a *API) sessionCookies(in service.SignedIn) []http.Cookie {
	access := http.Cookie{
		Name: a.cookie(accessCookie), Value: in.Token.Text, Path: "/", Expires: in.Token.ExpiresAt,
		HttpOnly: true, Secure: a.CookieSecure, SameSite: http.SameSiteLaxMode,
	}
	refresh, csrf := access, access
	refresh.Name, refresh.Value, refresh.Path = a.cookie(refreshCookie), in.Refresh, Prefix+"/auth"
	refresh.Expires, refresh.SameSite = in.Until, http.SameSiteStrictMode
	csrf.Name, csrf.Value, csrf.Expires, csrf.HttpOnly = csrfCookie, a.Tokens.CSRF(in.Token.SessionID), in.Until, false
	return []http.Cookie{access, refresh, csrf}
}

type refreshRequest struct {
	CSRF   string `header:"X-CSRF-Token" doc:"with the cookie: what the cookie couponbook_csrf says"`
	Cookie string `cookie:"couponbook_csrf"`
	Body   *struct {
		RefreshToken string `json:"refresh_token" doc:"left out, it is taken from the cookie"`
	}
}

// refreshToken is the token that a request brings, and whether a cookie did.
func (in *refreshRequest) refreshToken(ctx context.Context) (token string, cookie bool, err error) {
	if in.Body != nil {
		return in.Body.RefreshToken, false, nil
	}
	token = callerOf(ctx).refresh
	if token != "" && !sameCSRF(in.CSRF, in.Cookie) {
		err = problemOf(ctx, errCSRF)
	}
	return token, true, err
}

// refresh carries a session on. The token works once: when it comes again, the
// session is ended.
func (a *API) refresh(ctx context.Context, in *refreshRequest) (*sessionResponse, error) {
	token, cookie, err := in.refreshToken(ctx)
	if err != nil {
		return nil, err
	}
	signedIn, err := a.Accounts.Refresh(ctx, callerOf(ctx).principal, token)
	if err != nil {
		return nil, err
	}
	return a.answerSession(signedIn, cookie), nil
}

type logoutResponse struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// logout ends the session, and clears the browser's cookies.
func (a *API) logout(ctx context.Context, in *refreshRequest) (*logoutResponse, error) {
	token, _, err := in.refreshToken(ctx)
	if err != nil {
		return nil, err
	}
	if err = a.Accounts.SignOut(ctx, callerOf(ctx).principal, token); err != nil && !errors.Is(err, coupon.ErrSessionEnded) {
		return nil, err
	}
	cookies := a.sessionCookies(service.SignedIn{Token: auth.Token{ExpiresAt: time.Unix(0, 0)}, Until: time.Unix(0, 0)})
	for i := range cookies {
		cookies[i].Value, cookies[i].MaxAge = "", -1
	}
	return &logoutResponse{cookies}, nil
}

type sessionRow struct {
	ID        uuid.UUID   `json:"id"`
	Current   bool        `json:"current" doc:"the one that asks"`
	CreatedAt time.Time   `json:"created_at" doc:"signed in"`
	UsedAt    time.Time   `json:"used_at" doc:"carried on last"`
	ExpiresAt time.Time   `json:"expires_at" doc:"ends, however much it is used"`
	Address   *netip.Addr `json:"address" format:"ip" nullable:"true" doc:"where it was begun"`
	UserAgent string      `json:"user_agent"`
}

type sessionsResponse struct {
	Body struct {
		Data []sessionRow `json:"data"`
	}
}

// mySessions lists the sessions that the caller can end.
func (a *API) mySessions(ctx context.Context, _ *struct{}) (*sessionsResponse, error) {
	p := principalOf(ctx)
	sessions, err := a.Accounts.Sessions(ctx, p)
	if err != nil {
		return nil, err
	}
	out := &sessionsResponse{}
	out.Body.Data = make([]sessionRow, len(sessions))
	for i, s := range sessions {
		out.Body.Data[i] = sessionRow{s.ID, *p.SessionID == s.ID, s.CreatedAt, s.UsedAt, s.ExpiresAt, s.Address, s.UserAgent}
	}
	return out, nil
}

// endSession ends one of the caller's sessions.
func (a *API) endSession(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.EndSession(ctx, principalOf(ctx), in.ID)
}

// endOtherSessions ends all of the caller's sessions but the one that asks.
func (a *API) endOtherSessions(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, a.Accounts.EndOtherSessions(ctx, principalOf(ctx))
}
