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
)

// limited counts a request against its caller's rate.
func (a *API) limited(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		for _, verdict := range a.count(r, c) {
			if verdict.Per > 0 {
				tellRate(c, verdict)
			}
			if !verdict.OK {
				writeProblem(c, coupon.ErrTooMany.After(verdict.Wait))
				return
			}
		}
		if strings.Contains(r.path, "{coupon}") {
			a.budgeted(c, func() { next(ctx) })
			return
		}
		next(ctx)
	}
}

func (a *API) count(r route, c *gin.Context) []limit.Verdict {
	p := callerOf(c.Request.Context()).principal
	switch {
	case p == nil:
		return []limit.Verdict{a.Limits.Count(a.Rates.AnonymousRule(), requestOf(c.Request.Context()).network)}
	case p.IsKey():
		return []limit.Verdict{a.Limits.Count(a.Rates.KeyRequestRule(), p.KeyID.String())}
	case r.id == "claim" && p.Role == coupon.UserRole:
		return []limit.Verdict{a.Limits.Count(a.Rates.ClaimRule(), p.UserID.String())}
	default:
		return []limit.Verdict{a.Limits.Count(a.Rates.RequestRule(), p.UserID.String())}
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
func (a *API) budgeted(c *gin.Context, next func()) {
	p := callerOf(c.Request.Context()).principal
	if p.Role != coupon.UserRole {
		next()
		return
	}
	user, from := p.UserID.String(), requestOf(c.Request.Context()).network
	mine, undoMine := a.Limits.Try(a.Rates.WrongCodeRule(), user)
	near, undoNear := a.Limits.Try(a.Rates.WrongFromRule(), from)
	if !mine.OK || !near.OK {
		if mine.OK {
			undoMine()
		}
		if near.OK {
			undoNear()
		}
		if a.Limits.Ask(c.Request.Context(), toldOfGuessing, user).OK {
			a.Service.TellGuessing(c.Request.Context(), *p)
		}
		writeProblem(c, coupon.ErrTooManyCodes.After(max(mine.Wait, near.Wait)))
		return
	}
	next()
	if requestOf(c.Request.Context()).problem == coupon.ErrCouponUnavailable.Code {
		a.Limits.Failed(a.Rates.WrongCodeRule(), user)
		a.Limits.Failed(a.Rates.WrongFromRule(), from)
		return
	}
	undoMine()
	undoNear()
}
