package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type registerRequest struct {
	Body struct {
		Email    string `json:"email" example:"ann@example.com"`
		Password string `json:"password" doc:"10 to 200 characters"`
		Name     string `json:"name,omitempty"`
	}
}

type userBody struct {
	ID    uuid.UUID   `json:"id"`
	Email *string     `json:"email"`
	Name  string      `json:"name"`
	Role  coupon.Role `json:"role" enum:"admin,manager,user"`
}

func newUserBody(u coupon.User) userBody { return userBody{u.ID, u.Email, u.Name, u.Role} }

type userResponse struct{ Body userBody }

// register makes an account with the role user; an admin gives others.
func (a *API) register(ctx context.Context, in *registerRequest) (*userResponse, error) {
	user, err := a.Accounts.Register(ctx, service.Account{
		Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password, Role: coupon.UserRole,
	})
	if err != nil {
		return nil, err
	}
	return &userResponse{newUserBody(user)}, nil
}

type loginRequest struct {
	Body struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Session  bool   `json:"session,omitempty" doc:"set the browser's session cookie too"`
	}
}

type loginResponse struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      struct {
		User        userBody  `json:"user"`
		AccessToken string    `json:"access_token" doc:"send it as Authorization: Bearer"`
		ExpiresAt   time.Time `json:"expires_at"`
		CSRFToken   string    `json:"csrf_token" doc:"with a session cookie, send it as X-CSRF-Token on unsafe methods"`
	}
}

// login answers alike for an unknown e-mail and a wrong password.
func (a *API) login(ctx context.Context, in *loginRequest) (*loginResponse, error) {
	user, token, err := a.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	out := &loginResponse{}
	out.Body.User, out.Body.AccessToken, out.Body.ExpiresAt = newUserBody(user), token.Text, token.ExpiresAt
	out.Body.CSRFToken = a.Tokens.CSRF(token.SessionID)
	if in.Body.Session {
		out.SetCookie = a.sessionCookies(token)
	}
	return out, nil
}

// sessionCookies: the session itself is out of reach of scripts, the CSRF
// token is for the app's own script to read.
func (a *API) sessionCookies(token auth.Token) []http.Cookie {
	session := http.Cookie{
		Name: sessionCookie, Value: token.Text, Path: "/", Expires: token.ExpiresAt,
		HttpOnly: true, Secure: a.CookieSecure, SameSite: http.SameSiteLaxMode,
	}
	csrf := session
	csrf.Name, csrf.Value, csrf.HttpOnly = csrfCookie, a.Tokens.CSRF(token.SessionID), false
	return []http.Cookie{session, csrf}
}

type logoutResponse struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// logout clears the browser's cookies.
func (a *API) logout(context.Context, *struct{}) (*logoutResponse, error) {
	cookies := a.sessionCookies(auth.Token{ExpiresAt: time.Unix(0, 0)})
	for i := range cookies {
		cookies[i].Value, cookies[i].MaxAge = "", -1
	}
	return &logoutResponse{cookies}, nil
}

// me returns the caller's own account.
func (a *API) me(ctx context.Context, _ *struct{}) (*userResponse, error) {
	user, err := a.Accounts.Me(ctx, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &userResponse{newUserBody(user)}, nil
}
