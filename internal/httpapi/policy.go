package httpapi

import (
	"net/http"
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
	return text
}

// errors are the statuses of the refusals, for the API's description.
func (x access) errors() []int {
	if x.public {
		return []int{http.StatusBadRequest, http.StatusUnprocessableEntity}
	}
	return []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity}
}

// check tells why the caller may not come in, or nil.
func (x access) check(c caller) error {
	switch {
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
