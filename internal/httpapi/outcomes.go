package httpapi

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"couponbook/internal/coupon"
)

type outcomeBody struct {
	N      int                  `json:"n" doc:"the item's number, from 1"`
	Line   *int                 `json:"line" doc:"where it begins in the file; its place in a JSON list"`
	Code   *string              `json:"code"`
	Reason coupon.OutcomeReason `json:"reason" doc:"stable, for machines"`
	Detail string               `json:"detail"`
}

func newOutcomeBody(o coupon.Outcome) outcomeBody {
	return outcomeBody{o.N, o.Line, o.Code, o.Reason, o.Detail}
}

type outcomesRequest struct {
	ByID
	Paging
}

type outcomesResponse struct{ Body page[outcomeBody] }

type outcomeCursor struct{ After int }

// jobOutcomes lists what a bulk job refused.
func (a *API) jobOutcomes(ctx context.Context, in *outcomesRequest) (*outcomesResponse, error) {
	var cursor outcomeCursor
	if err := a.Cursors.read("outcomes", in.Cursor, &cursor); err != nil {
		return nil, err
	}
	outcomes, err := a.Service.Outcomes(ctx, principalOf(ctx), in.ID, cursor.After, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "outcomes", outcomes, in.Limit, newOutcomeBody, func(o coupon.Outcome) any { return outcomeCursor{o.N} })
	return &outcomesResponse{body}, err
}

// jobReport sends all of it as CSV.
func (a *API) jobReport(ctx context.Context, in *ByID) (*huma.StreamResponse, error) {
	principal := principalOf(ctx)
	return csvFile(ctx, "refused-"+in.ID.String(), []string{"row", "code", "reason", "detail"},
		func(after int) ([]coupon.Outcome, error) {
			return a.Service.Outcomes(ctx, principal, in.ID, after, csvPage)
		},
		func(o coupon.Outcome) (int, []string) {
			return o.N, []string{strconv.Itoa(orZero(o.Line)), orZero(o.Code), string(o.Reason), o.Detail}
		})
}
