package httpapi

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"couponbook/internal/coupon"
	"couponbook/internal/limit"
	"couponbook/internal/service"
)

// limited counts a request against its caller's rate, also one that is refused
// then: credentials must not be tried without end.
func (a *API) limited(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		verdict := a.count(r, c)
		if verdict.Per > 0 {
			tellRate(c, verdict)
		}
		if !verdict.OK {
			writeProblem(c, coupon.ErrTooMany.After(verdict.Wait))
			return
		}
		next(ctx)
	}
}

func (a *API) count(r route, c *gin.Context) limit.Verdict {
	who := callerOf(c.Request.Context())
	p := who.principal
	switch {
	case service.IsTransient(who.err): // whose key it is we cannot find out now; nobody learns anything from it
		return limit.Verdict{OK: true}
	case p == nil:
		return a.Limits.Count(a.Rates.AnonymousRule(), requestOf(c.Request.Context()).network)
	case p.IsKey():
		return a.Limits.Count(a.Rates.KeyRequestRule(), p.KeyID.String())
	case r.id == "claim" && p.Role == coupon.UserRole:
		return a.Limits.Count(a.Rates.ClaimRule(), p.UserID.String())
	default:
		return a.Limits.Count(a.Rates.RequestRule(), p.UserID.String())
	}
}

// networkOf is whom an address is counted as: one of IPv6 is one of many that its
// owner has.
func networkOf(address netip.Addr) string {
	if !address.Is6() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil {
		return address.String()
	}
	return network.String()
}

// tellRate says how much is left, as the IETF's draft has it.
func tellRate(c *gin.Context, v limit.Verdict) {
	c.Header("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", v.Name, v.Count, int(v.Per.Seconds())))
	c.Header("RateLimit", fmt.Sprintf("%q;r=%d;t=%s", v.Name, v.Remaining, wholeSeconds(max(v.Wait, v.Per/time.Duration(v.Count)))))
}

// toldOfGuessing is how often it is told that somebody guesses codes.
var toldOfGuessing = limit.Rule{Name: "told-of-guessing", Rate: limit.Rate{Count: 1, Per: time.Hour}}

// budgeted lets a user try only so many codes that are not his: whether they
// exist he must not find out.
func (a *API) budgeted(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p := callerOf(ctx.Context()).principal
		if !strings.Contains(r.path, "{coupon}") || p.Role != coupon.UserRole {
			next(ctx)
			return
		}
		user, from := p.UserID.String(), requestOf(ctx.Context()).network
		mine, undoMine := a.Limits.Try(a.Rates.WrongCodeRule(), user)
		near, undoNear := a.Limits.Try(a.Rates.WrongFromRule(), from)
		undo := func() {
			undoMine()
			undoNear()
		}
		if !mine.OK || !near.OK {
			undo()
			if a.Limits.Ask(ctx.Context(), toldOfGuessing, user).OK {
				a.Service.TellGuessing(ctx.Context(), *p)
			}
			writeProblem(humagin.Unwrap(ctx), coupon.ErrTooManyCodes.After(max(mine.Wait, near.Wait)))
			return
		}
		next(ctx)
		if requestOf(ctx.Context()).problem != coupon.ErrCouponUnavailable.Code {
			undo()
			return
		}
		a.Limits.Failed(a.Rates.WrongCodeRule(), user)
		a.Limits.Failed(a.Rates.WrongFromRule(), from)
	}
}
