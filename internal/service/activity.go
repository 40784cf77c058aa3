package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// mostCounted is how many events one transaction counts, or hardly more.
const mostCounted = 20_000

// Activity counts what has happened since it did so last.
func (s *Sweeper) Activity(ctx context.Context) error {
	for {
		if more, err := s.store.CountActivity(ctx, mostCounted); err != nil || !more {
			return err
		}
	}
}

// BookActivity tells what happened in a book that the caller manages.
func (s *Service) BookActivity(ctx context.Context, p auth.Principal, id uuid.UUID, f coupon.ActivityFilter) ([]coupon.Activity, error) {
	if _, err := s.ownBook(ctx, p, id); err != nil {
		return nil, err
	}
	f.BookID = &id
	return s.activity(ctx, f)
}

// Activity tells what happened in all books that the caller manages.
func (s *Service) Activity(ctx context.Context, p auth.Principal, f coupon.ActivityFilter) ([]coupon.Activity, error) {
	f.OwnerID = managing(p)
	return s.activity(ctx, f)
}

func (s *Service) activity(ctx context.Context, f coupon.ActivityFilter) ([]coupon.Activity, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return s.store.Activity(ctx, f)
}
