package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"couponbook/internal/coupon"
)

// knownQuery refuses parameters that the operation does not have: a filter that is
// misspelt must not list everything.
func knownQuery(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	if c.Request.URL.RawQuery == "" {
		next(ctx)
		return
	}
	var known []string
	for _, p := range ctx.Operation().Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	var unknown []coupon.Field
	for name := range c.Request.URL.Query() {
		if !slices.Contains(known, name) {
			unknown = append(unknown, coupon.Field{Pointer: name, Detail: "is no parameter of this operation"})
		}
	}
	if len(unknown) == 0 {
		next(ctx)
		return
	}
	detail := "Leave out the parameters that this operation does not have: it has " + cmp.Or(strings.Join(known, ", "), "none") + "."
	slices.SortFunc(unknown, func(a, b coupon.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	status := http.StatusUnprocessableEntity
	writeProblem(c, &Problem{Status: status, Code: codeOf[status], Detail: detail, Errors: unknown})
}
