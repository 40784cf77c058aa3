package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// Outcomes lists what a job that the caller may see has to tell about single
// items, in their order: of a dry run, what is planned for each recipient.
func (s *Service) Outcomes(ctx context.Context, p auth.Principal, id uuid.UUID, f coupon.OutcomeFilter, limit int) ([]coupon.Outcome, error) {
	job, err := s.visibleJob(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if job.Kind == coupon.DistributionJob {
		d, err := s.store.Distribution(ctx, id)
		if err != nil {
			return nil, err
		}
		if d.DryRun && job.Done() && time.Since(*job.FinishedAt) >= coupon.PlanOpen {
			return nil, coupon.ErrPlanExpired
		}
		if d.DryRun {
			return s.store.PlannedOutcomes(ctx, id, f, limit)
		}
	}
	return s.store.Outcomes(ctx, id, f, limit)
}
