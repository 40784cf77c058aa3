package httpapi

import (
	"context"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type exportRequest struct {
	ByID
	SubmitHeaders
	Body *struct {
		State   coupon.State `json:"state,omitempty" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID" doc:"only those that are in it"`
		BatchID *uuid.UUID   `json:"batch_id,omitempty" doc:"only those of this batch"`
		Prefix  string       `json:"prefix,omitempty" maxLength:"100" doc:"how the code begins, in any spelling"`
	}
}

// exportCodes accepts a job that makes a file of a book's codes.
func (a *API) exportCodes(ctx context.Context, in *exportRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("export", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	var filter coupon.StockFilter
	if in.Body != nil {
		filter = coupon.StockFilter{State: given(in.Body.State), BatchID: in.Body.BatchID, Prefix: coupon.Normalise(in.Body.Prefix)}
	}
	submission, err := a.Service.SubmitExport(ctx, principalOf(ctx), service.ExportRequest{
		BookID: in.ID, Filter: filter, IdempotencyKey: key, Fingerprint: mark,
	})
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

type exportBody struct {
	Rows      int       `json:"rows" doc:"codes in the file"`
	URL       string    `json:"url" doc:"of the file, as CSV; whoever has this link can fetch it"`
	ExpiresAt time.Time `json:"expires_at" doc:"the link ends"`
}

type downloadRequest struct {
	Token string `path:"token" maxLength:"100"`
}

var exportHeader = []string{
	"code", "state", "batch_id", "user_id", "user", "assigned_at", "starts_at", "expires_at", "max_redemptions", "redemptions",
	"disabled_at", "metadata",
}

// downloadExport sends the file of an export.
func (a *API) downloadExport(ctx context.Context, in *downloadRequest) (*huma.StreamResponse, error) {
	id, err := a.Links.read(in.Token)
	if err == nil {
		err = a.Service.OpenExport(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	return csvFile(ctx, "codes-"+id.String(), exportHeader,
		func(after int) ([]coupon.ExportRow, error) { return a.Service.ExportPage(ctx, id, after, csvPage) },
		func(r coupon.ExportRow) (int, []string) {
			user := ""
			if r.UserID != nil {
				user = r.UserID.String()
			}
			return r.N, []string{
				r.Code, string(r.State), r.BatchID.String(), user, orZero(r.Holder), instant(r.AssignedAt), instant(r.StartsAt),
				instant(r.ExpiresAt), strconv.Itoa(r.MaxRedemptions), strconv.Itoa(r.Redemptions), instant(r.DisabledAt), string(r.Metadata),
			}
		})
}

func instant(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}
