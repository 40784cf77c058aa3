package service

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// Patience is how long a caller waits for a job, and for what: for its end, or
// for another version than the one he has seen.
type Patience struct {
	For  time.Duration
	Seen string
}

func (w Patience) wanted(job coupon.Job) bool {
	return job.Done() || w.Seen != "" && job.Version() != w.Seen
}

// FollowJob returns a job that the caller may see, once it is as he waits for it
// or his patience is over. Others' jobs are not found.
func (s *Service) FollowJob(ctx context.Context, f *Followers, p auth.Principal, id uuid.UUID, patience Patience) (coupon.Job, error) {
	if patience.For == 0 {
		job, err := f.Job(ctx, id)
		if err != nil {
			return job, err
		}
		return job, s.maySee(ctx, p, job)
	}
	follower, job, err := s.StreamJob(ctx, f, p, id)
	if err != nil {
		return job, err
	}
	defer follower.Close()
	if patience.wanted(job) {
		return job, nil
	}
	return follower.Until(ctx, patience.For, patience.wanted)
}

// StreamJob begins to follow a job that the caller may see, and returns it as it
// is now. Close the follower.
func (s *Service) StreamJob(ctx context.Context, f *Followers, p auth.Principal, id uuid.UUID) (*Follower, coupon.Job, error) {
	follower := f.Follow(id)
	job, err := follower.Now(ctx)
	if err == nil {
		err = s.maySee(ctx, p, job)
	}
	if err != nil {
		follower.Close()
		return nil, coupon.Job{}, err
	}
	return follower, job, nil
}

// visibleJob returns a job that the caller may see, or ErrJobNotFound.
func (s *Service) visibleJob(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Job, error) {
	job, err := s.storedJob(ctx, id)
	if err == nil {
		err = s.maySee(ctx, p, job)
	}
	return job, err
}

// storedJob returns a job, or ErrJobNotFound.
func (s *Service) storedJob(ctx context.Context, id uuid.UUID) (coupon.Job, error) {
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{id})
	if err == nil && len(jobs) == 0 {
		err = coupon.ErrJobNotFound
	}
	if err != nil {
		return coupon.Job{}, err
	}
	return jobs[0], nil
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
