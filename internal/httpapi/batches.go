package httpapi

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type batchBody struct {
	ID        uuid.UUID        `json:"id"`
	Kind      coupon.BatchKind `json:"kind" enum:"generated,uploaded,added" doc:"added: one by one"`
	JobID     *uuid.UUID       `json:"job_id" nullable:"true" doc:"that made it"`
	Pattern   *string          `json:"pattern" doc:"of generated codes"`
	FileName  *string          `json:"file_name" doc:"of uploaded ones, if it was told"`
	Codes     int              `json:"codes" doc:"how many it has"`
	VoidedAt  *time.Time       `json:"voided_at" doc:"when it was voided as a whole"`
	CreatedAt time.Time        `json:"created_at"`
}

func newBatchBody(b coupon.Batch) batchBody {
	return batchBody{b.ID, b.Kind, b.JobID, b.Pattern, b.FileName, b.Codes, b.VoidedAt, b.CreatedAt}
}

type batchesRequest struct {
	ByID
	Paging
}

type batchesResponse struct{ Body page[batchBody] }

// bookBatches lists the batches of a book, newest first.
func (a *API) bookBatches(ctx context.Context, in *batchesRequest) (*batchesResponse, error) {
	var after idCursor
	if err := a.Cursors.read("batches", in.Cursor, &after); err != nil {
		return nil, err
	}
	batches, err := a.Service.Batches(ctx, principalOf(ctx), in.ID, after.Before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "batches", batches, in.Limit, newBatchBody, func(b coupon.Batch) any { return idCursor{&b.ID} })
	return &batchesResponse{body}, err
}

type voidBatchRequest struct {
	ByID
	Batch uuid.UUID `path:"batch"`
	SubmitHeaders
	Body Reason
}

type voidBody struct {
	BatchID uuid.UUID      `json:"batch_id"`
	Voided  int            `json:"voided" doc:"also those that were void before"`
	Left    int            `json:"left" doc:"redeemed or expired; the job's outcomes name them"`
	Reasons map[string]int `json:"reasons" doc:"how many are left for each"`
}

// voidBatch accepts a job that kills all coupons of a batch for good.
func (a *API) voidBatch(ctx context.Context, in *voidBatchRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("void batch", in.Batch.String(), in.Body)
	if err != nil {
		return nil, err
	}
	submission, err := a.Service.SubmitVoid(ctx, principalOf(ctx), service.VoidRequest{
		BookID: in.ID, BatchID: in.Batch, Reason: in.Body.Reason, IdempotencyKey: key, Fingerprint: mark,
	})
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

type addCouponRequest struct {
	ByID
	KeyHeader
	Body struct {
		Code           string `json:"code" maxLength:"200" example:"WELCOME-2027" doc:"letters, digits, -, _ and ., at most 64 of them"`
		MaxRedemptions *int   `json:"max_redemptions,omitempty" doc:"uses; as the book says, if left out"`
		StartsAt       string `json:"starts_at,omitempty" maxLength:"40" doc:"an instant, or a day in the book's zone"`
		ExpiresAt      string `json:"expires_at,omitempty" maxLength:"40" doc:"an instant, or until the end of a day in the book's zone"`
		Metadata       object `json:"metadata,omitempty" doc:"yours, at most 8 KiB"`
	}
}

// addCoupon adds a single code of the manager's own making.
func (a *API) addCoupon(ctx context.Context, in *addCouponRequest) (*couponResponse, error) {
	once, err := in.once("add coupon", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	row := coupon.RowInput{
		Code: in.Body.Code, StartsAt: in.Body.StartsAt, ExpiresAt: in.Body.ExpiresAt, Metadata: json.RawMessage(in.Body.Metadata),
	}
	if in.Body.MaxRedemptions != nil {
		row.MaxRedemptions = strconv.Itoa(*in.Body.MaxRedemptions)
	}
	return answerCoupon(a.Till.AddCoupon(ctx, principalOf(ctx), service.AddCouponRequest{BookID: in.ID, Row: row, Once: once}))
}
