package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// Outcomes lists what a job that the caller may see has refused, in the order
// of its items, after the item with a number.
func (s *Service) Outcomes(ctx context.Context, p auth.Principal, id uuid.UUID, after, limit int) ([]coupon.Outcome, error) {
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{id})
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, coupon.ErrJobNotFound
	}
	if err = s.maySee(ctx, p, jobs[0]); err != nil {
		return nil, err
	}
	return s.store.Outcomes(ctx, id, after, limit)
}
