package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// RunBulk runs a bulk job to its end, from where an earlier run stopped, and
// returns a line about it. It does nothing when the job has ended or another
// run is alive.
func (s *Service) RunBulk(ctx context.Context, kind coupon.JobKind, id uuid.UUID) (string, error) {
	if kind == coupon.ImportJob {
		done, err := s.Import(ctx, id)
		return fmt.Sprintf("%d codes added, %d rows refused", done.Added, done.Refused), err
	}
	made, err := s.Generate(ctx, id)
	return fmt.Sprintf("%d codes made", made), err
}

// submitBulk stores a job and rings for it, or finds the one its key brought.
func (s *Service) submitBulk(ctx context.Context, job coupon.NewJob, allowed func() error) (Submission, error) {
	if job.IdempotencyKey == "" {
		job.Fingerprint = nil
	}
	refused := allowed()
	added := false
	if refused == nil {
		var err error
		if added, err = s.store.AddJob(ctx, job); err != nil {
			return Submission{}, err
		}
	}
	id := job.ID
	if added {
		s.ring(ctx, id, func(ctx context.Context) error { return s.queue.RingJob(ctx, job.Kind, job.ID) })
	} else {
		found, err := s.keyedJob(ctx, job)
		if errors.Is(err, coupon.ErrJobNotFound) && refused != nil {
			return Submission{}, refused
		}
		if err != nil {
			return Submission{}, err
		}
		id = found
	}
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{id})
	if err != nil || len(jobs) == 0 {
		return Submission{}, errors.Join(err, coupon.ErrJobNotFound)
	}
	return Submission{Job: jobs[0], Replayed: !added}, nil
}

func (s *Service) keyedJob(ctx context.Context, job coupon.NewJob) (uuid.UUID, error) {
	found, err := s.store.JobsByKey(ctx, []uuid.UUID{job.SubmitterID}, []string{job.IdempotencyKey})
	switch {
	case err != nil:
		return uuid.Nil, err
	case len(found) == 0:
		return uuid.Nil, coupon.ErrJobNotFound
	case string(found[0].Fingerprint) != string(job.Fingerprint):
		return uuid.Nil, coupon.ErrKeyReused
	}
	return found[0].ID, nil
}

// endCodes ends a job that added codes, and tells about them if there are any.
func (s *Service) endCodes(ctx context.Context, run postgres.BulkRun, batch uuid.UUID, added int, failure *coupon.Error, result json.RawMessage) error {
	err := s.store.InTx(ctx, func(tx *postgres.Store) error {
		data, err := json.Marshal(map[string]any{"batch_id": batch, "count": added})
		if err == nil && added > 0 {
			err = tx.AddEvent(ctx, postgres.Event{
				Type: coupon.CodesAdded, BookID: run.BookID, JobID: &run.ID, ActorID: &run.SubmitterID, Data: data,
			})
		}
		if err != nil {
			return err
		}
		return tx.EndBulk(ctx, run, failure, result)
	})
	if err == nil {
		_ = s.queue.PublishDone(ctx, []uuid.UUID{run.ID}) // who waits looks again by himself
	}
	return err
}
