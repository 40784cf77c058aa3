package httpapi

import (
	"context"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type outcomeBody struct {
	N       int                   `json:"n" doc:"the item's number, from 1"`
	ItemID  *string               `json:"item_id" doc:"what the batch of claims calls it"`
	Status  coupon.OutcomeStatus  `json:"status" enum:"refused,planned,granted,skipped,failed,left"`
	Line    *int                  `json:"line" doc:"where it begins in the file; its place in a JSON list"`
	Code    *string               `json:"code" doc:"of a coupon; how a file of members names the user"`
	UserID  *uuid.UUID            `json:"user_id" nullable:"true" doc:"the recipient"`
	User    *string               `json:"user" doc:"the recipient's e-mail or external id"`
	Planned *int                  `json:"planned" doc:"coupons that the recipient was to get"`
	Coupons []coupon.Granted      `json:"coupons,omitempty" doc:"that the recipient got"`
	Reason  *coupon.OutcomeReason `json:"reason" doc:"stable, for machines; null where all went as planned"`
	Detail  *string               `json:"detail"`
}

func newOutcomeBody(o coupon.Outcome) outcomeBody {
	return outcomeBody{o.N, o.ItemID, o.Status, o.Line, o.Code, o.UserID, o.User, o.Planned, o.Coupons, o.Reason, detailOf(o)}
}

func detailOf(o coupon.Outcome) *string {
	if o.Detail != nil || o.Reason == nil || o.Reason.Words() == "" {
		return o.Detail
	}
	return new(o.Reason.Words())
}

type outcomesRequest struct {
	ByID
	Paging
	Status coupon.OutcomeStatus `query:"status" enum:"refused,planned,granted,skipped,failed,left"`
}

type outcomesResponse struct{ Body page[outcomeBody] }

type outcomeCursor struct{ After int }

// jobOutcomes lists what a bulk job has to tell about single items: what it
// refused, or what became of each recipient.
func (a *API) jobOutcomes(ctx context.Context, in *outcomesRequest) (*outcomesResponse, error) {
	var cursor outcomeCursor
	if err := a.Cursors.read("outcomes", in.Cursor, &cursor); err != nil {
		return nil, err
	}
	filter := coupon.OutcomeFilter{Status: given(in.Status), After: cursor.After}
	outcomes, err := a.Service.Outcomes(ctx, principalOf(ctx), in.ID, filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "outcomes", outcomes, in.Limit, newOutcomeBody, func(o coupon.Outcome) any { return outcomeCursor{o.N} })
	return &outcomesResponse{body}, err
}

type reportRequest struct {
	ByID
	Status coupon.OutcomeStatus `query:"status" enum:"refused,planned,granted,skipped,failed,left"`
}

// jobReport sends all of it as CSV.
func (a *API) jobReport(ctx context.Context, in *reportRequest) (*huma.StreamResponse, error) {
	principal := principalOf(ctx)
	job, err := a.Service.FollowJob(ctx, a.Followers, principal, in.ID, service.Patience{})
	if err != nil {
		return nil, err
	}
	name, header, cells := reportOf(job.Kind)
	return csvFile(ctx, name+"-"+in.ID.String(), header,
		func(after int) ([]coupon.Outcome, error) {
			return a.Service.Outcomes(ctx, principal, in.ID, coupon.OutcomeFilter{Status: given(in.Status), After: after}, csvPage)
		},
		func(o coupon.Outcome) (int, []string) { return o.N, cells(o) })
}

// codesOf lists the codes that a recipient got.
func codesOf(o coupon.Outcome) string {
	codes := make([]string, len(o.Coupons))
	for i, c := range o.Coupons {
		codes[i] = c.Code
	}
	return strings.Join(codes, " ")
}

// reportOf says what is in the report of a kind of job.
func reportOf(kind coupon.JobKind) (name string, header []string, cells func(coupon.Outcome) []string) {
	switch kind {
	case coupon.BatchJob:
		return "items", []string{"n", "item_id", "user_id", "user", "status", "codes", "reason", "detail"}, func(o coupon.Outcome) []string {
			return []string{
				strconv.Itoa(o.N), orZero(o.ItemID), orZero(o.UserID).String(), orZero(o.User), string(o.Status),
				codesOf(o), string(orZero(o.Reason)), orZero(detailOf(o)),
			}
		}
	case coupon.DistributionJob:
		return "recipients", []string{"n", "user_id", "user", "status", "planned", "coupons", "codes", "reason", "detail"}, func(o coupon.Outcome) []string {
			return []string{
				strconv.Itoa(o.N), orZero(o.UserID).String(), orZero(o.User), string(o.Status), strconv.Itoa(orZero(o.Planned)),
				strconv.Itoa(len(o.Coupons)), codesOf(o), string(orZero(o.Reason)), orZero(detailOf(o)),
			}
		}
	case coupon.RecallJob:
		return "left", []string{"code", "user_id", "user", "reason", "detail"}, func(o coupon.Outcome) []string {
			return []string{orZero(o.Code), orZero(o.UserID).String(), orZero(o.User), string(orZero(o.Reason)), orZero(detailOf(o))}
		}
	case coupon.ImportMembersJob:
		return "refused", []string{"row", "user", "reason", "detail"}, refusedCells
	default:
		return "refused", []string{"row", "code", "reason", "detail"}, refusedCells
	}
}

func refusedCells(o coupon.Outcome) []string {
	return []string{strconv.Itoa(orZero(o.Line)), orZero(o.Code), string(orZero(o.Reason)), orZero(o.Detail)}
}
