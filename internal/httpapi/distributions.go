package httpapi

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type distributeRequest struct {
	ByID
	SubmitHeaders
	Body struct {
		BookID      *uuid.UUID              `json:"book_id,omitempty" doc:"whose coupons go out"`
		Mode        coupon.DistributionMode `json:"mode,omitempty" enum:"equal,random" doc:"equal: per_user to each member; random: count in all, dealt in rounds of one each, and what the last round has too few of to members drawn at random"`
		PerUser     int                     `json:"per_user,omitempty" minimum:"1" maximum:"1000" doc:"of mode equal: coupons for each member"`
		Count       int                     `json:"count,omitempty" minimum:"1" maximum:"5000000" doc:"of mode random: coupons in all"`
		OnShortage  coupon.OnShortage       `json:"on_shortage,omitempty" enum:"fail,partial" doc:"with too few coupons, or members who can take too few: give nothing at all (the default), or deal what there is"`
		DryRun      bool                    `json:"dry_run,omitempty" doc:"only plan: the job's result has the plan, its outcomes have each recipient"`
		PlanID      *uuid.UUID              `json:"plan_id,omitempty" doc:"do exactly what this dry run has planned; then leave out everything else, but for the callback"`
		CallbackURL string                  `json:"callback_url,omitempty" maxLength:"2000" doc:"is sent the event of the job's end, signed; on the origin of one of your webhook endpoints"`
	}
}

// distribute accepts a job that gives coupons of a book to the members of a
// pool, or plans to.
func (a *API) distribute(ctx context.Context, in *distributeRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("distribute", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	request := service.DistributionRequest{PoolID: in.ID, PlanID: in.Body.PlanID, DryRun: in.Body.DryRun, CallbackURL: in.Body.CallbackURL, IdempotencyKey: key, Fingerprint: mark}
	if b := in.Body; b.PlanID != nil {
		if b.BookID != nil || b.Mode != "" || b.PerUser != 0 || b.Count != 0 || b.OnShortage != "" || b.DryRun {
			return nil, coupon.InvalidInput(coupon.Field{Pointer: "/plan_id", Detail: "stands for itself: leave everything else out, the plan has it"})
		}
	} else {
		if b.BookID == nil {
			return nil, coupon.InvalidInput(coupon.Field{Pointer: "/book_id", Detail: "is needed, or a plan_id"})
		}
		request.BookID = *b.BookID
		request.Terms = coupon.DistributionTerms{Mode: b.Mode, PerUser: b.PerUser, Count: b.Count, OnShortage: cmp.Or(b.OnShortage, coupon.FailOnShortage)}
	}
	submission, err := a.Service.SubmitDistribution(ctx, principalOf(ctx), request)
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

type termsBody struct {
	Mode       coupon.DistributionMode `json:"mode" enum:"equal,random"`
	PerUser    *int                    `json:"per_user" doc:"of mode equal"`
	Count      *int                    `json:"count" doc:"of mode random"`
	OnShortage coupon.OnShortage       `json:"on_shortage" enum:"fail,partial"`
	DryRun     bool                    `json:"dry_run" doc:"it only plans"`
	PlanID     *uuid.UUID              `json:"plan_id" nullable:"true" doc:"the dry run whose plan it carries out"`
}

type distributionBody struct {
	DryRun  bool           `json:"dry_run" doc:"nothing was given out; it is a plan"`
	Plan    *planBody      `json:"plan,omitempty" doc:"of a dry run"`
	Members int            `json:"members" doc:"of the pool when it was looked at"`
	Planned int            `json:"planned" doc:"coupons to give out"`
	Granted int            `json:"granted" doc:"coupons given out"`
	Left    int            `json:"left" doc:"free coupons of the book after it"`
	Gets    []getsBody     `json:"gets" doc:"how many recipients got how many; of a plan, are to get"`
	Reasons map[string]int `json:"reasons" doc:"how many get nothing, or less than planned, for each"`
}

type planBody struct {
	ID        uuid.UUID `json:"id" doc:"send it as plan_id to carry the plan out"`
	Hash      string    `json:"hash" doc:"the same for the same members, terms and shares"`
	ExpiresAt time.Time `json:"expires_at"`
}

type getsBody struct {
	Coupons    int `json:"coupons" doc:"each"`
	Recipients int `json:"recipients"`
}

// steerJob serves what people tell a job on its way.
func steerJob(steer func(*service.Service, context.Context, auth.Principal, uuid.UUID) (coupon.Job, error)) func(*API, context.Context, *ByID) (*jobResponse, error) {
	return func(a *API, ctx context.Context, in *ByID) (*jobResponse, error) {
		job, err := steer(a.Service, ctx, principalOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		return a.answerJob(job), nil
	}
}

// retryJob tries a job again: it answers with that job, or for a claim with the
// new one.
func (a *API) retryJob(ctx context.Context, in *ByID) (*jobResponse, error) {
	job, err := a.Service.RetryJob(ctx, principalOf(ctx), a.Claims, in.ID)
	return a.answerSubmit(ctx, service.Submission{Job: job}, err, 0)
}

type recallRequest struct {
	ByID
	SubmitHeaders
	Body Reason
}

type recallBody struct {
	DistributionID uuid.UUID      `json:"distribution_id"`
	Recalled       int            `json:"recalled" doc:"coupons that went back into the stock"`
	Left           int            `json:"left" doc:"coupons that are used, locked or over; the job's outcomes name them"`
	Reasons        map[string]int `json:"reasons" doc:"how many are left for each"`
}

// recallJob accepts a job that takes back what a distribution gave out.
func (a *API) recallJob(ctx context.Context, in *recallRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("recall", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	submission, err := a.Service.SubmitRecall(ctx, principalOf(ctx), service.RecallRequest{
		JobID: in.ID, Reason: in.Body.Reason, IdempotencyKey: key, Fingerprint: mark,
	})
	return a.answerBulk(ctx, submission, err, in.Prefer)
}

type importedMembersBody struct {
	Added   int            `json:"added"`
	Same    int            `json:"same" doc:"were members before, or come twice"`
	Refused int            `json:"refused"`
	Reasons map[string]int `json:"reasons" doc:"how many rows were refused for each"`
}
