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

type claimBody struct {
	UserID        *uuid.UUID   `json:"user_id,omitempty" format:"uuid" doc:"whom the coupons are for; you, if left out"`
	User          *userRefBody `json:"user,omitempty" doc:"whom the coupons are for, by e-mail or external id"`
	CreateMissing bool         `json:"create_missing,omitempty" doc:"make the user if there is none"`
	Count         int          `json:"count,omitempty" default:"1" minimum:"1" maximum:"100" doc:"coupons: all of them or none"`
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
	return answerSubmit(submission, err, request.Wait)
}

func (in *claimRequest) parse() (service.ClaimRequest, error) {
	request := service.ClaimRequest{BookID: in.ID, Wait: wait(in.Prefer)}
	body := claimBody{Count: 1}
	if in.Body != nil {
		body = *in.Body
	}
	request.Count, request.CreateMissing = body.Count, body.CreateMissing
	var err error
	if request.IdempotencyKey, err = in.key(); err != nil {
		return request, err
	}
	if request.IdempotencyKey != "" {
		if request.Fingerprint, err = fingerprint("claim", in.ID, body); err != nil {
			return request, err
		}
	}
	switch {
	case body.User != nil:
		request.For, err = coupon.NewUserRef(body.UserID, body.User.Email, body.User.ExternalID, "/user")
	case body.UserID != nil:
		request.For, err = coupon.NewUserRef(body.UserID, "", "", "/user_id")
	}
	return request, err
}

type generateRequest struct {
	ByID
	SubmitHeaders
	Body struct {
		Count   int    `json:"count" minimum:"1" maximum:"5000000" doc:"codes to make"`
		Pattern string `json:"pattern,omitempty" example:"SUMMER-####-####" doc:"each # becomes a random character of 0-9A-Z without I, L, O and U; default ####-####-####"`
	}
}

// generateCodes accepts a job that makes codes: exactly as many as asked.
func (a *API) generateCodes(ctx context.Context, in *generateRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("generate", in.ID, in.Body)
	if err != nil {
		return nil, err
	}
	submission, err := a.Service.SubmitGenerate(ctx, principalOf(ctx), service.GenerateRequest{
		BookID: in.ID, Count: in.Body.Count, Pattern: in.Body.Pattern, IdempotencyKey: key, Fingerprint: mark,
	})
	if patience := wait(in.Prefer); err == nil && patience > 0 {
		submission.Job, err = a.Service.FollowJob(ctx, a.Followers, principalOf(ctx), submission.Job.ID, patience)
		return answerSubmit(submission, err, patience)
	}
	return answerSubmit(submission, err, 0)
}
