package httpapi

import (
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// access says who may call a route.
type access struct {
	public bool
	roles  []coupon.Role
	scopes []auth.Scope // of which an API key needs one; empty: no key will do
	owns   ownership    // what the caller must have; empty: nothing
}

// ownership says whose the thing must be that a path names. Admins and their keys
// own everything; for everybody else it does not exist.
type ownership string

const (
	ownSession    ownership = "the session is theirs"
	ownBook       ownership = "they manage the book"
	readableBook  ownership = "they manage the book, or it is not a draft"
	openBook      ownership = "they manage the book, or claim for themselves from one that is not a draft"
	ownCoupon     ownership = "they hold the coupon or manage its book"
	bookCoupon    ownership = "they manage the coupon's book"
	ownRedemption ownership = "they manage the book of the redemption"
	ownPool       ownership = "they manage the pool"
	ownEndpoint   ownership = "the endpoint is theirs"
	ownDelivery   ownership = "the delivery's endpoint is theirs"
	ownJob        ownership = "they submitted the job, it is for them, or they manage its book or pool"
)

// owning lets those in only who have what the path names.
func (x access) owning(what ownership) access {
	x.owns = what
	return x
}

// orKey lets API keys with one of the scopes in too, within their owner's role.
func (x access) orKey(scopes ...auth.Scope) access {
	x.scopes = scopes
	return x
}

func (x access) String() string {
	if x.public {
		return "everyone"
	}
	names := make([]string, len(x.roles))
	for i, role := range x.roles {
		names[i] = string(role)
	}
	text := strings.Join(names, ", ")
	if len(x.scopes) > 0 {
		keys := make([]string, len(x.scopes))
		for i, scope := range x.scopes {
			keys[i] = string(scope)
		}
		text += ", and API keys with scope " + strings.Join(keys, " or ")
	}
	if x.owns != "" {
		text += "; if " + string(x.owns)
	}
	return text
}

// check tells why the caller may not come in, or nil.
func (x access) check(c caller) error {
	switch {
	case c.err == errOrigin: //nolint:errorlint // the very value, see browser
		return c.err
	case x.public:
		return nil
	case c.err != nil:
		return c.err
	case c.principal == nil:
		return coupon.ErrUnauthenticated
	case c.principal.IsKey() && !slices.ContainsFunc(x.scopes, c.principal.Has):
		return coupon.ErrScopeMissing
	case !slices.Contains(x.roles, c.principal.Role):
		return coupon.ErrForbidden
	}
	return nil
}

// enforce is the policy of an operation.
func (a *API) enforce(x access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := x.check(callerOf(ctx.Context())); err != nil {
			writeProblem(humagin.Unwrap(ctx), err)
			return
		}
		next(ctx)
	}
}

// require is the policy of a plain Gin route.
func (a *API) require(x access) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := x.check(callerOf(c.Request.Context())); err != nil {
			writeProblem(c, err)
			c.Abort()
		}
	}
}
