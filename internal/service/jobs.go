package service

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// FollowJob returns a job that the caller may see, once it has ended or when
// wait is over. Others' jobs are not found.
func (s *Service) FollowJob(ctx context.Context, f *Followers, p auth.Principal, id uuid.UUID, wait time.Duration) (coupon.Job, error) {
	job, err := f.Job(ctx, id)
	if err != nil {
		return job, err
	}
	if err = s.maySee(ctx, p, job); err != nil || job.Done() || wait == 0 {
		return job, err
	}
	follower := f.Follow(id)
	defer follower.Close()
	return follower.Wait(ctx, wait)
}

// visibleJob returns a job that the caller may see, or ErrJobNotFound.
func (s *Service) visibleJob(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Job, error) {
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{id})
	if err == nil && len(jobs) == 0 {
		err = coupon.ErrJobNotFound
	}
	if err != nil {
		return coupon.Job{}, err
	}
	return jobs[0], s.maySee(ctx, p, jobs[0])
}

// maySee: whoever submitted it, whom it is for, and the manager of its book or
// its pool.
func (s *Service) maySee(ctx context.Context, p auth.Principal, job coupon.Job) error {
	if p.Role == coupon.Admin || p.UserID == job.SubmitterID || job.UserID != nil && p.UserID == *job.UserID {
		return nil
	}
	var err error
	if job.BookID != nil {
		_, err = s.ownBook(ctx, p, *job.BookID)
	} else {
		_, err = s.ownPool(ctx, p, *job.PoolID)
	}
	if errors.Is(err, coupon.ErrBookNotFound) || errors.Is(err, coupon.ErrPoolNotFound) {
		return coupon.ErrJobNotFound
	}
	return err
}

// Jobs lists what the caller submitted, newest first; of a pool that he manages,
// what anybody did; an admin sees all.
func (s *Service) Jobs(ctx context.Context, p auth.Principal, f coupon.JobFilter, limit int) ([]coupon.Job, error) {
	f.VisibleTo = &p.UserID
	if f.PoolID != nil {
		if _, err := s.ownPool(ctx, p, *f.PoolID); err != nil {
			return nil, err
		}
		f.VisibleTo = nil
	}
	if p.Role == coupon.Admin {
		f.VisibleTo = nil
	}
	return s.store.ListJobs(ctx, f, limit)
}
