package httpapi

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

const csrfHeader = "X-CSRF-Token"

// caller is who sent the request, or why we do not know.
type caller struct {
	principal *auth.Principal
	err       error  // credentials that are no good
	refresh   string // the token in the browser's cookie that carries its session on
}

func callerOf(ctx context.Context) caller { return requestOf(ctx).caller }

// principalOf is the caller of a route that is not public.
func principalOf(ctx context.Context) auth.Principal { return *callerOf(ctx).principal }

// authenticate finds out who calls; whether he may is the policy's to say.
func (a *API) authenticate(c *gin.Context) {
	request := requestOf(c.Request.Context())
	if header := c.GetHeader("Authorization"); header != "" {
		request.caller = a.bearer(c.Request.Context(), header)
	} else {
		request.caller = a.browser(c.Request)
	}
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
	return a.token(credential)
}

func (a *API) token(text string) caller {
	p, err := a.Tokens.Check(text)
	switch {
	case err != nil:
		return caller{err: coupon.ErrUnauthenticated}
	case !a.Accounts.Live(p):
		return caller{err: coupon.ErrSessionEnded}
	}
	return caller{principal: &p}
}

// browser reads a browser's cookies. Other sites can make a browser send them, so
// that whatever changes something must come from our own pages, with the CSRF
// token that only those can read.
func (a *API) browser(r *http.Request) caller {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe && a.crossOrigin.Check(r) != nil {
		return caller{err: errOrigin}
	}
	var who caller
	if access := cookieOf(r, a.cookie(accessCookie)); access != "" {
		if who = a.token(access); who.principal != nil && !safe && !a.Tokens.CSRFMatches(*who.principal.SessionID, r.Header.Get(csrfHeader)) {
			who = caller{err: errCSRF}
		}
	}
	who.refresh = cookieOf(r, a.cookie(refreshCookie))
	return who
}

func cookieOf(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// sameCSRF reports whether the header repeats the cookie: for who has no access
// token any more to compare it with.
func sameCSRF(header, cookie string) bool {
	return cookie != "" && subtle.ConstantTimeCompare([]byte(header), []byte(cookie)) == 1
}
