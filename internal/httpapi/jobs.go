package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type jobBody struct {
	ID          uuid.UUID        `json:"id"`
	Kind        coupon.JobKind   `json:"kind" enum:"claim,claim_batch,assign,generate_codes,import_codes,void_codes,export_codes,import_members,distribution,recall_distribution,replay_events"`
	Status      coupon.JobStatus `json:"status" enum:"queued,running,paused,succeeded,partially_succeeded,failed,canceled"`
	Done        bool             `json:"done" doc:"whether the status is final"`
	Canceling   bool             `json:"canceling" doc:"it was asked to end where it is"`
	BookID      *uuid.UUID       `json:"book_id" nullable:"true" doc:"null: it is about a pool alone"`
	PoolID      *uuid.UUID       `json:"pool_id" nullable:"true" doc:"of a distribution or an import of members"`
	UserID      *uuid.UUID       `json:"user_id" nullable:"true" doc:"whom a claim is for"`
	CouponID    *uuid.UUID       `json:"coupon_id" nullable:"true" doc:"the chosen one, of an assign"`
	SubmittedBy uuid.UUID        `json:"submitted_by"`
	CreatedAt   time.Time        `json:"created_at"`
	StartedAt   *time.Time       `json:"started_at"`
	FinishedAt  *time.Time       `json:"finished_at"`
	Progress    progressBody     `json:"progress"`
	Terms       *termsBody       `json:"terms" doc:"of a distribution, what was asked for"`
	Position    *int64           `json:"position" doc:"of a waiting claim in its book's queue; 1 is next, and it never grows"`
	LeftMS      *int64           `json:"estimated_wait_ms" doc:"how long a waiting claim has still to wait at the pace of the last groups; null: not known"`
	WaitedMS    int64            `json:"waited_ms" doc:"how long it waited until it was begun, or until now"`
	Result      *resultBody      `json:"result" doc:"of a claim that succeeded, or of a bulk job that has ended"`
	Error       *jobErrorBody    `json:"error" doc:"of a job that failed"`
	Links       linksBody        `json:"links"`
}

type progressBody struct {
	Total     int `json:"total"`
	Processed int `json:"processed"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Skipped   int `json:"skipped" doc:"recipients who get nothing by the plan, or because of what has come up on their side"`
}

type resultBody struct {
	Coupons []coupon.Granted `json:"coupons,omitempty" doc:"of a claim"`
	Import  *importBody      `json:"import,omitempty" doc:"of an import"`
	Void    *voidBody        `json:"void,omitempty" doc:"of the voiding of a batch"`
	Export  *exportBody      `json:"export,omitempty" doc:"of an export"`

	Members      *importedMembersBody `json:"members,omitempty" doc:"of an import of members"`
	Distribution *distributionBody    `json:"distribution,omitempty" doc:"of a distribution, or its plan"`
	Replay       *replayedBody        `json:"replay,omitempty" doc:"of a replay; while it runs, so far"`
	Recall       *recallBody          `json:"recall,omitempty" doc:"of a recall; while it runs, so far"`
}

type importBody struct {
	BatchID *uuid.UUID     `json:"batch_id,omitempty" doc:"of the codes that were added"`
	DryRun  bool           `json:"dry_run" doc:"nothing was added; added tells what would have been"`
	Added   int            `json:"added"`
	Refused int            `json:"refused"`
	Reasons map[string]int `json:"reasons" doc:"how many rows were refused for each"`
}

type jobErrorBody struct {
	Code    string           `json:"code" example:"sold_out" doc:"stable, for machines"`
	Detail  string           `json:"detail"`
	Coupons []coupon.Granted `json:"coupons,omitempty" doc:"with limit_reached: what the user holds already"`
}

type linksBody struct {
	Self   string `json:"self"`
	Stream string `json:"stream" doc:"the same, as server-sent events"`
}

// TransformSchema says that terms, result and error are null where there is none;
// huma knows no tag for that on objects.
func (jobBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, name := range []string{"terms", "result", "error"} {
		s.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{s.Properties[name], {Type: "null"}}}
	}
	return s
}

func (a *API) newJobBody(j coupon.Job) jobBody {
	body := jobBody{
		ID: j.ID, Kind: j.Kind, Status: j.Status, Done: j.Done(), Canceling: j.Canceling,
		BookID: j.BookID, PoolID: j.PoolID, UserID: j.UserID, CouponID: j.CouponID,
		SubmittedBy: j.SubmitterID, CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt,
		Progress: progressBody{j.Total, j.Processed, j.Succeeded, j.Failed, j.Skipped},
		Position: j.Position, LeftMS: j.LeftMS, WaitedMS: j.WaitedMS,
		Links: linksBody{Prefix + "/jobs/" + j.ID.String(), Prefix + "/jobs/" + j.ID.String() + "/stream"},
	}
	if j.Coupons != nil {
		body.Result = &resultBody{Coupons: j.Coupons}
	}
	if j.Terms != nil {
		body.Terms = &termsBody{}
		_ = json.Unmarshal(j.Terms, body.Terms)
	}
	if j.Result != nil {
		body.Result = a.resultOf(j)
	}
	if j.ErrorCode != nil {
		body.Error = &jobErrorBody{Code: *j.ErrorCode, Coupons: j.Held}
		if j.ErrorDetail != nil {
			body.Error.Detail = *j.ErrorDetail
		}
	}
	return body
}

// resultOf reads what a bulk job has told at its end, in package service.
func (a *API) resultOf(j coupon.Job) *resultBody {
	var result resultBody
	var into any
	switch j.Kind { //nolint:exhaustive // the others have none
	case coupon.ImportJob:
		result.Import = &importBody{}
		into = result.Import
	case coupon.VoidJob:
		result.Void = &voidBody{}
		into = result.Void
	case coupon.ExportJob:
		result.Export = &exportBody{URL: Prefix + "/exports/" + a.Links.write(j.ID), ExpiresAt: j.FinishedAt.Add(coupon.ExportOpen)}
		into = result.Export
	case coupon.ImportMembersJob:
		result.Members = &importedMembersBody{}
		into = result.Members
	case coupon.DistributionJob:
		result.Distribution = &distributionBody{}
		into = result.Distribution
	case coupon.ReplayJob:
		result.Replay = &replayedBody{}
		into = result.Replay
	case coupon.RecallJob:
		result.Recall = &recallBody{}
		into = result.Recall
	}
	_ = json.Unmarshal(j.Result, into)
	return &result
}

type getJobRequest struct {
	ByID
	Prefer      string `header:"Prefer" doc:"wait=N: answer once the job has ended, or after N seconds (at most 25)"`
	IfNoneMatch string `header:"If-None-Match" doc:"the ETag that you have: 304 if nothing has changed; with wait=N, answer once something has"`
}

// getJob reads a job. One that failed is read with 200: the status speaks of
// the request, the body of the outcome.
func (a *API) getJob(ctx context.Context, in *getJobRequest) (*jobResponse, error) {
	patience := service.Patience{For: preferred(in.Prefer, maxPoll), Seen: strings.Trim(in.IfNoneMatch, `"`)}
	job, err := a.Service.FollowJob(ctx, a.Followers, principalOf(ctx), in.ID, patience)
	if err != nil {
		return nil, err
	}
	out, version := a.answerJob(job), job.Version()
	out.ETag = strconv.Quote(version)
	out.applied(patience.For)
	if patience.Seen == version {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

type listJobsRequest struct {
	Paging
	BookID string           `query:"book_id" format:"uuid"`
	PoolID string           `query:"pool_id" format:"uuid"`
	Kind   coupon.JobKind   `query:"kind" enum:"claim,claim_batch,assign,generate_codes,import_codes,void_codes,export_codes,import_members,distribution,recall_distribution,replay_events"`
	Status coupon.JobStatus `query:"status" enum:"queued,running,paused,succeeded,partially_succeeded,failed,canceled"`
	Bulk   bool             `query:"bulk" doc:"no claims, batches of claims and assigns: those wait in the queue of their book"`
}

type jobsResponse struct{ Body page[jobBody] }

// listJobs lists what the caller submitted, newest first; an admin sees all.
func (a *API) listJobs(ctx context.Context, in *listJobsRequest) (*jobsResponse, error) {
	var filter coupon.JobFilter
	var after idCursor
	if err := a.Cursors.read("jobs", in.Cursor, &after); err != nil {
		return nil, err
	}
	filter.Before = after.Before
	var err error
	if filter.BookID, err = givenID("book_id", in.BookID); err != nil {
		return nil, err
	}
	if filter.PoolID, err = givenID("pool_id", in.PoolID); err != nil {
		return nil, err
	}
	filter.Status, filter.Kind, filter.Bulk = given(in.Status), given(in.Kind), in.Bulk
	jobs, err := a.Service.Jobs(ctx, principalOf(ctx), filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "jobs", jobs, in.Limit, a.newJobBody, func(j coupon.Job) any { return idCursor{&j.ID} })
	return &jobsResponse{body}, err
}
