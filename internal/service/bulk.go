package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/tracing"
)

// RunBulk runs a bulk job to its end, from where an earlier run stopped, and
// returns a line about it. It does nothing when the job has ended, another run
// is alive, or another job of its submitter has its turn. Then it rings for who
// waited for this one.
func (s *Service) RunBulk(ctx context.Context, kind coupon.JobKind, id uuid.UUID) (line string, err error) {
	ctx, span := s.traced(ctx, kind, id)
	defer func() { span.Close(err) }()
	if line, err = s.runSafely(ctx, kind, id); err != nil {
		// That Postgres is away, or this process stops, is no fault of the job's.
		if ctx.Err() == nil && !postgres.IsAway(err) {
			if noteErr := s.noteFailure(ctx, kind, id, err); noteErr != nil { // it is tried again, and counted then
				slog.WarnContext(ctx, "failure not noted", "job_id", id, "error", noteErr)
			}
		}
		return line, err
	}
	next, err := s.store.NextBulk(ctx, id)
	for _, job := range next {
		s.ring(ctx, job.ID, func(ctx context.Context) error { return s.queue.RingJob(ctx, job.Kind, job.ID) })
	}
	return line, err
}

// traced makes a run a span of the trace that its job was accepted in.
func (s *Service) traced(ctx context.Context, kind coupon.JobKind, id uuid.UUID) (context.Context, tracing.Span) {
	if !tracing.On() {
		return ctx, tracing.Span{}
	}
	traces, err := s.store.Traces(ctx, []uuid.UUID{id})
	if err != nil {
		slog.WarnContext(ctx, "trace not found", "job_id", id, "error", err)
	}
	return tracing.Start(tracing.Under(ctx, traces[id]), "run "+string(kind), "job.id", id.String())
}

// runSafely makes a panic an error, which counts like others.
func (s *Service) runSafely(ctx context.Context, kind coupon.JobKind, id uuid.UUID) (line string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return s.run(ctx, kind, id)
}

// noteFailure counts that a job broke, and ends it when that happens again and
// again: a job that cannot be done is there for people to see.
func (s *Service) noteFailure(ctx context.Context, kind coupon.JobKind, id uuid.UUID, why error) error {
	run, failures, err := s.store.NoteFailure(ctx, id)
	if errors.Is(err, coupon.ErrJobNotFound) { // another run has ended it
		return nil
	}
	if err != nil || failures < coupon.MostFailures {
		return err
	}
	slog.ErrorContext(ctx, "job given up", "job_id", id, "kind", kind, "failures", failures, "error", why)
	return s.giveUp(ctx, kind, run)
}

func (s *Service) giveUp(ctx context.Context, kind coupon.JobKind, run postgres.BulkRun) error {
	if kind == coupon.DistributionJob { // it has coupons promised
		d, err := s.store.Distribution(ctx, run.ID)
		if err != nil {
			return err
		}
		return (&distributing{Service: s, run: run, d: d}).end(ctx, coupon.ErrJobBroken)
	}
	err := s.store.InTx(ctx, func(tx *postgres.Store) error { return tx.EndBulk(ctx, run, coupon.ErrJobBroken, run.Result) })
	if err == nil {
		s.publishDone(ctx, run)
	}
	return err
}

func (s *Service) run(ctx context.Context, kind coupon.JobKind, id uuid.UUID) (string, error) {
	switch kind {
	case coupon.ImportJob:
		done, err := s.Import(ctx, id)
		return fmt.Sprintf("%d codes added, %d rows refused", done.Added, done.Refused), err
	case coupon.VoidJob:
		voided, err := s.VoidBatch(ctx, id)
		return fmt.Sprintf("%d coupons voided", voided), err
	case coupon.ImportMembersJob:
		done, err := s.ImportMembers(ctx, id)
		return fmt.Sprintf("%d members added, %d rows refused", done.Added, done.Refused), err
	case coupon.DistributionJob:
		granted, err := s.Distribute(ctx, id)
		return fmt.Sprintf("%d coupons given out", granted), err
	case coupon.RecallJob:
		recalled, err := s.Recall(ctx, id)
		return fmt.Sprintf("%d coupons taken back", recalled), err
	case coupon.ReplayJob:
		sent, err := s.Replay(ctx, id)
		return fmt.Sprintf("%d deliveries begun anew", sent), err
	case coupon.ExportJob:
		rows, err := s.Export(ctx, id)
		return fmt.Sprintf("%d codes exported", rows), err
	default:
		made, err := s.Generate(ctx, id)
		return fmt.Sprintf("%d codes made", made), err
	}
}

// startBulk begins a run of a job and reads its parameters. It is not ok when
// the job has ended or another run is alive.
func (s *Service) startBulk(ctx context.Context, id uuid.UUID, params any) (run postgres.BulkRun, ok bool, err error) {
	run, err = s.store.StartBulk(ctx, id)
	if errors.Is(err, coupon.ErrJobNotFound) {
		return run, false, nil
	}
	if err == nil {
		if err = json.Unmarshal(run.Params, params); err != nil {
			err = fmt.Errorf("read the job's parameters: %w", err)
		}
	}
	return run, err == nil, err
}

// inRun does a part of a job in one transaction, if the run is still ours.
// What the work counted in the run is forgotten where it fails.
func (s *Service) inRun(ctx context.Context, run *postgres.BulkRun, work func(tx *postgres.Store) error) error {
	before := *run
	err := s.store.InTx(ctx, func(tx *postgres.Store) (err error) {
		if *run, err = tx.HoldRun(ctx, *run); err != nil {
			return err
		}
		return work(tx)
	})
	if err != nil {
		*run = before
	}
	return err
}

// always lets a bulk job in, whatever state its book is in.
func always() error { return nil }

// auditSubmitted is what the audit log tells of a job: the rest stands in the job.
type auditSubmitted struct {
	Kind           coupon.JobKind
	BookID, PoolID uuid.UUID
	Total          int
}

// submitBulk stores a job, with what else belongs to it, and rings for it; or it
// finds the one that its key brought.
func (s *Service) submitBulk(ctx context.Context, p auth.Principal, job coupon.NewJob, allowed func() error, more ...func(*postgres.Store) error) (Submission, error) {
	if job.IdempotencyKey == "" {
		job.Fingerprint = nil
	}
	job.Trace = tracing.Carry(ctx)
	refused := allowed()
	added := false
	if refused == nil {
		err := s.store.InTx(ctx, func(tx *postgres.Store) (err error) {
			if job.Kind == coupon.BatchJob {
				seq, err := tx.NextSeq(ctx, job.BookID)
				if err != nil {
					return err
				}
				job.Seq = &seq
			}
			added, err = tx.AddJob(ctx, job)
			for _, add := range more {
				if err == nil && added {
					err = add(tx)
				}
			}
			switch {
			case err != nil || !added:
			case job.Audit != nil:
				err = tx.AddAudit(ctx, *job.Audit)
			default:
				err = audit(ctx, tx, p, coupon.JobSubmit, job.ID, nil, auditSubmitted{job.Kind, job.BookID, job.PoolID, job.Total})
			}
			return err
		})
		if err != nil {
			return Submission{}, err
		}
	}
	id := job.ID
	if added {
		s.ring(ctx, id, func(ctx context.Context) error {
			if job.Kind == coupon.BatchJob {
				return s.queue.RingBook(ctx, job.BookID)
			}
			return s.queue.RingJob(ctx, job.Kind, job.ID)
		})
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
	stored, err := s.storedJob(ctx, id)
	return Submission{Job: stored, Replayed: !added}, err
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
		data, err := json.Marshal(coupon.CodesAddedData{BatchID: batch, Count: added})
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
		s.publishDone(ctx, run)
	}
	return err
}

// publishDone wakes who waits for the job; he looks again by himself, too.
func (s *Service) publishDone(ctx context.Context, run postgres.BulkRun) {
	_ = s.queue.PublishDone(ctx, []uuid.UUID{run.ID})
}
