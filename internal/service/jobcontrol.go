package service

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// PauseJob stops a distribution after the part that it is at, until it is resumed.
func (s *Service) PauseJob(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Job, error) {
	return s.steer(ctx, p, id, coupon.Job.Pause)
}

// ResumeJob lets a paused distribution go on.
func (s *Service) ResumeJob(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Job, error) {
	return s.steer(ctx, p, id, coupon.Job.Resume)
}

// CancelJob ends a job that waits at once, and a distribution after the part that
// it is at: a worker writes down who has had no turn. What was given out stays
// given.
func (s *Service) CancelJob(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Job, error) {
	return s.steer(ctx, p, id, coupon.Job.Cancel)
}

// steer changes the course of a job. A part of it that is under way holds its
// row, so that the next one sees what was said.
func (s *Service) steer(ctx context.Context, p auth.Principal, id uuid.UUID, step func(coupon.Job) (coupon.Job, error)) (next coupon.Job, err error) {
	seen, err := s.visibleJob(ctx, p, id)
	if err != nil {
		return seen, err
	}
	waits, ended := false, false
	err = s.store.InTx(ctx, func(tx *postgres.Store) error {
		job, err := tx.JobForUpdate(ctx, id)
		if err == nil {
			next, err = step(job)
		}
		if err != nil || next.Status == job.Status && next.Canceling == job.Canceling {
			return err
		}
		waits, ended = next.Status == coupon.Queued, next.Status == coupon.Canceled
		if err = audit(ctx, tx, p, coupon.JobSteer, id, auditedJob(job), auditedJob(next)); err != nil {
			return err
		}
		if ended {
			return tx.CancelJob(ctx, next, p.UserID)
		}
		if err = tx.SteerJob(ctx, next); err != nil {
			return err
		}
		return tellSteered(ctx, tx, p, job, next)
	})
	if err == nil && waits {
		s.ring(ctx, id, func(ctx context.Context) error { return s.queue.RingJob(ctx, next.Kind, id) })
	}
	if err == nil && ended {
		s.ring(ctx, id, func(ctx context.Context) error { return s.queue.PublishDone(ctx, []uuid.UUID{id}) })
		return s.visibleJob(ctx, p, id)
	}
	return next, err
}

// auditJob is what the audit log tells of the course of a job.
type auditJob struct {
	Status    coupon.JobStatus
	Canceling bool
}

func auditedJob(j coupon.Job) auditJob { return auditJob{j.Status, j.Canceling} }

// tellSteered tells of a pause and its end; a cancel is told once it is done.
func tellSteered(ctx context.Context, tx *postgres.Store, p auth.Principal, was, is coupon.Job) error {
	var event coupon.EventType
	switch {
	case is.Canceling || was.BookID == nil:
		return nil
	case is.Status == coupon.JobPaused:
		event = coupon.DistributionPaused
	default:
		event = coupon.DistributionResumed
	}
	data, err := json.Marshal(newDistributionTold(is))
	if err != nil {
		return err
	}
	return tx.AddEvent(ctx, postgres.Event{Type: event, BookID: *was.BookID, JobID: &was.ID, ActorID: &p.UserID, Data: data})
}
