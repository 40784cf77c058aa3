package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

const (
	sessionCookie = "couponbook_session"
	csrfCookie    = "couponbook_csrf"
	csrfHeader    = "X-CSRF-Token"
)

type callerKey struct{}

// caller is who sent the request, or why we do not know.
type caller struct {
	principal *auth.Principal
	err       error // credentials that are no good
}

func callerOf(ctx context.Context) caller {
	who, _ := ctx.Value(callerKey{}).(caller)
	return who
}

// principalOf is the caller of a route that is not public.
func principalOf(ctx context.Context) auth.Principal { return *callerOf(ctx).principal }

// authenticate finds out who calls; whether he may is the policy's to say.
func (a *API) authenticate(c *gin.Context) {
	var who caller
	if header := c.GetHeader("Authorization"); header != "" {
		who = a.bearer(c.Request.Context(), header)
	} else if cookie, err := c.Cookie(sessionCookie); err == nil && cookie != "" {
		who = a.session(c.Request, cookie)
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), callerKey{}, who))
}

func (a *API) bearer(ctx context.Context, header string) caller {
	scheme, credential, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{err: coupon.ErrUnauthenticated}
	}
	if auth.IsKey(credential) {
		p, err := a.Accounts.KeyPrincipal(ctx, credential)
		if err != nil {
			return caller{err: err}
		}
		return caller{principal: &p}
	}
	p, _, err := a.Tokens.Check(credential)
	if err != nil {
		return caller{err: coupon.ErrUnauthenticated}
	}
	return caller{principal: &p}
}

// session reads a browser's cookie. Other sites can make a browser send it, so
// that whatever changes something must bring the CSRF token too.
func (a *API) session(r *http.Request, cookie string) caller {
	p, session, err := a.Tokens.Check(cookie)
	if err != nil {
		return caller{err: coupon.ErrUnauthenticated}
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe && !a.Tokens.CSRFMatches(session, r.Header.Get(csrfHeader)) {
		return caller{err: errCSRF}
	}
	return caller{principal: &p}
}
