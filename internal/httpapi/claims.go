package httpapi

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type userRefBody struct {
	Email      string `json:"email,omitempty"`
	ExternalID string `json:"external_id,omitempty" doc:"what your own system calls the user"`
}

// ForWhomBody names the user that a coupon is for.
type ForWhomBody struct {
	UserID        *uuid.UUID   `json:"user_id,omitempty" format:"uuid" doc:"by his id; you, if left out"`
	User          *userRefBody `json:"user,omitempty" doc:"by e-mail or external id"`
	CreateMissing bool         `json:"create_missing,omitempty" doc:"make the user if there is none"`
}

func (in ForWhomBody) user() (ref coupon.UserRef, err error) {
	switch {
	case in.User != nil:
		return coupon.NewUserRef(in.UserID, in.User.Email, in.User.ExternalID, "/user")
	case in.UserID != nil:
		return coupon.NewUserRef(in.UserID, "", "", "/user_id")
	}
	return ref, nil
}

type claimBody struct {
	ForWhomBody
	Count       int    `json:"count,omitempty" default:"1" minimum:"1" maximum:"100" doc:"coupons: all of them or none"`
	CallbackURL string `json:"callback_url,omitempty" maxLength:"2000" doc:"is sent the event of the job's end, signed; on the origin of one of your webhook endpoints"`
}

type claimRequest struct {
	ByID
	SubmitHeaders
	Body *claimBody
}

// claim accepts a claim for random coupons of a book. Users claim for
// themselves; the book's manager, admins and API keys for anyone.
func (a *API) claim(ctx context.Context, in *claimRequest) (*jobResponse, error) {
	request, err := in.parse()
	if err != nil {
		return nil, err
	}
	submission, err := a.Claims.Submit(ctx, principalOf(ctx), request)
	return a.answerSubmit(ctx, submission, err, request.Wait)
}

func (in *claimRequest) parse() (service.ClaimRequest, error) {
	request := service.ClaimRequest{BookID: in.ID, Wait: wait(in.Prefer)}
	body := claimBody{Count: 1}
	if in.Body != nil {
		body = *in.Body
	}
	request.Count, request.CreateMissing, request.CallbackURL = body.Count, body.CreateMissing, body.CallbackURL
	var err error
	if request.IdempotencyKey, err = in.key(); err != nil {
		return request, err
	}
	if request.IdempotencyKey != "" {
		if request.Fingerprint, err = fingerprint("claim", in.ID.String(), body); err != nil {
			return request, err
		}
	}
	request.For, err = body.user()
	return request, err
}

type assignRequest struct {
	ByCoupon
	SubmitHeaders
	Body ForWhomBody
}

// assignCoupon accepts a job that gives this very coupon to a user.
func (a *API) assignCoupon(ctx context.Context, in *assignRequest) (*jobResponse, error) {
	ref := service.CouponRef(in.Coupon)
	request := service.ClaimRequest{Coupon: &ref, Count: 1, CreateMissing: in.Body.CreateMissing, Wait: wait(in.Prefer)}
	var err error
	if request.For, err = in.Body.user(); err != nil {
		return nil, err
	}
	if request.IdempotencyKey, err = in.key(); err != nil {
		return nil, err
	}
	if request.Fingerprint, err = fingerprint("assign", in.Coupon, in.Body); err != nil {
		return nil, err
	}
	submission, err := a.Claims.Submit(ctx, principalOf(ctx), request)
	return a.answerSubmit(ctx, submission, err, request.Wait)
}
