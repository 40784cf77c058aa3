package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// ClaimItemBody is a claim among others.
type ClaimItemBody struct {
	ItemID string       `json:"item_id" minLength:"1" maxLength:"100" doc:"yours; its outcome has it"`
	UserID *uuid.UUID   `json:"user_id,omitempty" format:"uuid"`
	User   *userRefBody `json:"user,omitempty" doc:"by e-mail or external id"`
	Count  int          `json:"count,omitempty" default:"1" minimum:"1" maximum:"100" doc:"coupons: all of them or none"`
}

type claimBatchRequest struct {
	ByID
	SubmitHeaders
	Body struct {
		Items         []ClaimItemBody `json:"items" minItems:"1" maxItems:"1000"`
		CreateMissing bool            `json:"create_missing,omitempty" doc:"make the users that there are not"`
		CallbackURL   string          `json:"callback_url,omitempty" maxLength:"2000" doc:"is sent the event of the job's end, signed; on the origin of one of your webhook endpoints"`
	}
}

// claimBatch accepts up to 1,000 claims as one job: all of them or none. Each
// gets an outcome of its own once the batch has its turn in the book's queue.
func (a *API) claimBatch(ctx context.Context, in *claimBatchRequest) (*jobResponse, error) {
	request := service.ClaimBatchRequest{BookID: in.ID, CreateMissing: in.Body.CreateMissing, CallbackURL: in.Body.CallbackURL}
	var err error
	if request.IdempotencyKey, err = in.key(); err != nil {
		return nil, err
	}
	if request.Fingerprint, err = fingerprint("claim batch", in.ID.String(), in.Body); err != nil {
		return nil, err
	}
	if request.Items, err = itemsOf(in.Body.Items); err != nil {
		return nil, err
	}
	submission, err := a.Service.SubmitClaimBatch(ctx, principalOf(ctx), request)
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

func itemsOf(bodies []ClaimItemBody) ([]service.ClaimItem, error) {
	items := make([]service.ClaimItem, len(bodies))
	var wrong []coupon.Field
	for i, body := range bodies {
		var email, externalID string
		if body.User != nil {
			email, externalID = body.User.Email, body.User.ExternalID
		}
		ref, err := coupon.NewUserRef(body.UserID, email, externalID, fmt.Sprintf("/items/%d/user", i))
		if fault, ok := errors.AsType[*coupon.Error](err); ok {
			wrong = append(wrong, fault.Fields...)
		}
		items[i] = service.ClaimItem{ItemID: body.ItemID, For: ref, Count: body.Count}
	}
	if wrong != nil {
		return nil, coupon.InvalidInput(wrong...)
	}
	return items, nil
}
