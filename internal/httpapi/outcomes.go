package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
)

type outcomeBody struct {
	N      int              `json:"n" doc:"the item's number, from 1"`
	Line   *int             `json:"line" doc:"where it begins in the file; its place in a JSON list"`
	Code   *string          `json:"code"`
	Reason coupon.RowReason `json:"reason" doc:"stable, for machines"`
	Detail string           `json:"detail"`
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

const reportPage = 1000

// jobReport sends all of it as CSV.
func (a *API) jobReport(ctx context.Context, in *ByID) (*huma.StreamResponse, error) {
	principal := principalOf(ctx)
	outcomes, err := a.Service.Outcomes(ctx, principal, in.ID, 0, reportPage)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "text/csv; charset=utf-8")
		out.SetHeader("Content-Disposition", `attachment; filename="refused-`+in.ID.String()+`.csv"`)
		report, err := codefile.NewWriter(out.BodyWriter(), "row", "code", "reason", "detail")
		for err == nil && len(outcomes) > 0 {
			for _, o := range outcomes {
				if err == nil {
					err = report.Write(strconv.Itoa(orZero(o.Line)), orZero(o.Code), string(o.Reason), o.Detail)
				}
			}
			if err == nil {
				err = report.Flush()
			}
			if err == nil {
				outcomes, err = a.Service.Outcomes(ctx, principal, in.ID, outcomes[len(outcomes)-1].N, reportPage)
			}
		}
		if err == nil {
			err = report.Flush()
		}
		if err != nil { // too late for a problem: what is there ends in the middle
			slog.WarnContext(ctx, "report not sent to its end", "job_id", in.ID, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func orZero[T any](value *T) (zero T) {
	if value == nil {
		return zero
	}
	return *value
}
