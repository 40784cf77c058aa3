package service

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// DistributionRequest asks to give coupons of a book to the members of a pool:
// by terms, or exactly as a plan says.
type DistributionRequest struct {
	PoolID         uuid.UUID
	BookID         uuid.UUID
	Terms          coupon.DistributionTerms
	DryRun         bool       // only plan
	PlanID         *uuid.UUID // the dry run that planned; nil: by the terms
	CallbackURL    string     // is told of the job's end; empty: none
	IdempotencyKey string
	Fingerprint    []byte
}

// SubmitDistribution accepts a job that gives out coupons, or plans to.
func (s *Service) SubmitDistribution(ctx context.Context, p auth.Principal, in DistributionRequest) (Submission, error) {
	pool, err := s.ownPool(ctx, p, in.PoolID)
	if err != nil {
		return Submission{}, err
	}
	d := postgres.Distribution{
		JobID: uuid.Must(uuid.NewV7()), Mode: in.Terms.Mode, PerUser: in.Terms.PerUser, Count: in.Terms.Count,
		OnShortage: in.Terms.OnShortage, DryRun: in.DryRun,
	}
	var refused error // though a key may have brought the job already
	if in.PlanID != nil {
		in.BookID, d, refused, err = s.byPlan(ctx, in, d.JobID)
	} else {
		err = in.Terms.Check()
	}
	if err != nil {
		return Submission{}, err
	}
	book, err := s.ownBook(ctx, p, in.BookID)
	if err != nil {
		return Submission{}, err
	}
	job := coupon.NewJob{
		ID: d.JobID, Kind: coupon.DistributionJob, BookID: book.ID, PoolID: pool.ID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: max(1, pool.Members), Params: json.RawMessage(`{}`),
	}
	var unfit error
	if job.Callback, unfit, err = s.callback(ctx, p.UserID, in.CallbackURL); err != nil {
		return Submission{}, err
	}
	if refused == nil {
		refused = unfit
	}
	return s.submitBulk(ctx, p, job, func() error {
		switch err := book.TakesDistributions(time.Now()); {
		case err != nil:
			return err
		case pool.Members == 0:
			return coupon.ErrPoolEmpty
		}
		return refused
	}, func(tx *postgres.Store) error { return tx.KeepPool(ctx, pool.ID) },
		func(tx *postgres.Store) error { return tx.AddDistribution(ctx, d) })
}

// byPlan is the distribution that carries a plan out: everything is as the dry
// run left it. What it needs in a large pool is looked at when it begins.
func (s *Service) byPlan(ctx context.Context, in DistributionRequest, jobID uuid.UUID) (book uuid.UUID, d postgres.Distribution, refused, err error) {
	plan, err := s.store.Distribution(ctx, *in.PlanID)
	if err != nil {
		return book, d, nil, err
	}
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{*in.PlanID})
	switch {
	case err != nil:
		return book, d, nil, err
	case len(jobs) == 0 || !plan.DryRun || *jobs[0].PoolID != in.PoolID:
		return book, d, nil, coupon.ErrPlanNotFound
	case jobs[0].Status != coupon.Succeeded:
		return book, d, nil, coupon.ErrPlanNotReady
	case time.Since(*jobs[0].FinishedAt) >= coupon.PlanOpen:
		refused = coupon.ErrPlanExpired
	}
	d = plan
	d.JobID, d.PlanID, d.DryRun = jobID, in.PlanID, false
	return *jobs[0].BookID, d, refused, nil
}

// distributionResult is what a distribution tells at its end, and a plan.
type distributionResult struct {
	DryRun  bool            `json:"dry_run"`
	Plan    *planResult     `json:"plan,omitempty"`
	Members int             `json:"members"`
	Planned int             `json:"planned"` // coupons
	Granted int             `json:"granted"` // coupons
	Left    int             `json:"left"`    // free coupons of the book; of a plan, once it is carried out
	Gets    json.RawMessage `json:"gets"`    // how many recipients got how many; of a plan, are to get
	Reasons json.RawMessage `json:"reasons"` // how many get nothing, or less than planned, for each
}

type planResult struct {
	ID        uuid.UUID `json:"id"`
	Hash      string    `json:"hash"` // of the terms, the members and what each of them gets
	ExpiresAt time.Time `json:"expires_at"`
}

// summarise tells what a distribution is planned to do.
func (s *Service) summarise(ctx context.Context, tx *postgres.Store, run postgres.BulkRun, d postgres.Distribution) (distributionResult, int, error) {
	plan, err := tx.SummarisePlan(ctx, run.ID)
	if err != nil {
		return distributionResult{}, 0, err
	}
	free, err := tx.Stock(ctx, run)
	return distributionResult{
		DryRun: d.DryRun, Members: *d.Members, Planned: *d.Coupons, Granted: d.Granted, Left: max(0, free), Gets: plan.Gets, Reasons: plan.Reasons,
	}, plan.Served, err
}

// endPlan ends a dry run with its plan.
func (s *Service) endPlan(ctx context.Context, run postgres.BulkRun, d postgres.Distribution) error {
	err := s.inRun(ctx, &run, func(tx *postgres.Store) error {
		result, served, err := s.summarise(ctx, tx, run, d)
		if err != nil {
			return err
		}
		result.Left = max(0, result.Left-*d.Coupons)
		result.Plan = &planResult{ID: run.ID, Hash: hashOf(run, d), ExpiresAt: time.Now().Add(coupon.PlanOpen)}
		data, err := json.Marshal(result)
		if err == nil {
			err = tx.Progress(ctx, run, served, *d.Members-served, 0)
		}
		if err != nil {
			return err
		}
		return tx.EndBulk(ctx, run, nil, data)
	})
	if err == nil {
		s.publishDone(ctx, run)
	}
	return err
}

func newDistributionTold(j coupon.Job) coupon.DistributionData {
	return coupon.DistributionData{PoolID: j.PoolID, Total: j.Total, Processed: j.Processed, Succeeded: j.Succeeded, Skipped: j.Skipped, Failed: j.Failed}
}

// hashOf is the same for plans that give the same people as many coupons of the
// same book.
func hashOf(run postgres.BulkRun, d postgres.Distribution) string {
	data, err := json.Marshal([]any{
		run.BookID, run.PoolID, d.Terms(), hex.EncodeToString(d.Hash), *d.Coupons, *d.Level, *d.Extras, d.LastDraw,
	})
	if err != nil {
		panic(errors.Join(errors.New("a plan of plain values"), err))
	}
	return hex.EncodeToString(sum(data))
}
