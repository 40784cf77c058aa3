package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// RecallRequest asks to take back what a distribution gave out.
type RecallRequest struct {
	JobID          uuid.UUID // the distribution
	Reason         string
	IdempotencyKey string
	Fingerprint    []byte
}

type recallParams struct {
	DistributionID uuid.UUID `json:"distribution_id"`
	Reason         string    `json:"reason"`
}

// SubmitRecall accepts a job that takes back every coupon of a distribution
// that is neither used nor locked. It can be asked for again: locks end.
func (s *Service) SubmitRecall(ctx context.Context, p auth.Principal, in RecallRequest) (Submission, error) {
	job, err := s.visibleJob(ctx, p, in.JobID)
	if err == nil {
		err = job.Recall()
	}
	if err != nil {
		return Submission{}, err
	}
	d, err := s.store.Distribution(ctx, in.JobID)
	if err != nil {
		return Submission{}, err
	}
	if d.Granted == 0 {
		return Submission{}, coupon.ErrNothingGranted
	}
	params, err := json.Marshal(recallParams{in.JobID, in.Reason})
	if err != nil {
		return Submission{}, err
	}
	return s.submitBulk(ctx, p, coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.RecallJob, BookID: *job.BookID, PoolID: *job.PoolID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: job.Processed, Params: params,
	}, always)
}

// recallResult is what the job has come to, from part to part.
type recallResult struct {
	DistributionID uuid.UUID       `json:"distribution_id"`
	Recalled       int             `json:"recalled"` // coupons
	Left           int             `json:"left"`     // coupons
	Reasons        json.RawMessage `json:"reasons"`  // how many are left for each
}

// Recall runs a recall to its end, from where an earlier run stopped, and
// returns how many coupons it has taken back.
func (s *Service) Recall(ctx context.Context, jobID uuid.UUID) (recalled int, err error) {
	var params recallParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return 0, err
	}
	result := recallResult{DistributionID: params.DistributionID, Reasons: json.RawMessage(`{}`)}
	if len(run.Result) > 0 {
		err = json.Unmarshal(run.Result, &result)
	}
	d, distributionErr := s.store.Distribution(ctx, params.DistributionID)
	err = errors.Join(err, distributionErr)
	for err == nil && run.Processed < run.Total {
		err = s.inRun(ctx, &run, func(tx *postgres.Store) error {
			size := max(1, mostHanded/(*d.Level+1))
			next, err := s.recallPart(ctx, tx, &run, params, result, min(run.Processed+size, run.Total))
			if err == nil {
				result = next
			}
			return err
		})
	}
	if err == nil {
		err = s.endRecall(ctx, run, result)
	}
	if err != nil {
		return result.Recalled, fmt.Errorf("recall: %w", err)
	}
	return result.Recalled, nil
}

// recallPart takes back what the recipients up to one were given.
func (s *Service) recallPart(ctx context.Context, tx *postgres.Store, run *postgres.BulkRun, params recallParams,
	result recallResult, to int,
) (recallResult, error) {
	found, err := tx.OpenRecall(ctx, *run, params.DistributionID, postgres.Span{After: run.Processed, To: to})
	if err != nil {
		return result, err
	}
	back := map[uuid.UUID]bool{} // whether each coupon that is still the distribution's comes back
	var revoked []postgres.Revoked
	var left []postgres.LeftCoupon
	generator := coupon.NewGenerator()
	for _, till := range found.Tills {
		after, err := till.Revoke(params.Reason)
		back[till.Coupon.ID] = err == nil
		if refusal, refused := errors.AsType[*coupon.Error](err); refused {
			left = append(left, postgres.LeftCoupon{Coupon: till.Coupon, Reason: coupon.OutcomeReason(refusal.Code)})
			continue
		}
		rank, err := generator.DrawRank()
		if err != nil {
			return result, err
		}
		revoked = append(revoked, postgres.Revoked{Before: till, After: after, DrawRank: rank})
	}
	if err = tx.SaveRevoked(ctx, *run, revoked); err != nil {
		return result, err
	}
	if err = tx.TellLeft(ctx, *run, result.Left, left); err != nil {
		return result, err
	}
	result.Recalled += len(revoked)
	result.Left += len(left)
	return result, s.noteRecall(ctx, tx, run, found, back, result, to)
}

// noteRecall counts the recipients: all of what they still had came back, some
// of it is left, or there was nothing.
func (s *Service) noteRecall(ctx context.Context, tx *postgres.Store, run *postgres.BulkRun, found postgres.Recalled,
	back map[uuid.UUID]bool, result recallResult, to int,
) error {
	whole, some := 0, 0
	for _, coupons := range found.Recipients {
		had, kept := false, false
		for _, id := range coupons {
			comes, still := back[id]
			had, kept = had || still, kept || still && !comes
		}
		switch {
		case kept:
			some++
		case had:
			whole++
		}
	}
	data, err := json.Marshal(result)
	if err == nil {
		err = tx.NoteResult(ctx, *run, data)
	}
	if err == nil {
		err = tx.Progress(ctx, *run, whole, to-run.Processed-whole-some, some)
	}
	run.Processed = to
	return err
}

func (s *Service) endRecall(ctx context.Context, run postgres.BulkRun, result recallResult) error {
	err := s.inRun(ctx, &run, func(tx *postgres.Store) (err error) {
		if result.Reasons, err = tx.CountReasons(ctx, run.ID); err != nil {
			return err
		}
		data, err := json.Marshal(result)
		if err == nil {
			err = tx.EndBulk(ctx, run, nil, data)
		}
		if err != nil {
			return err
		}
		return tx.AddEvent(ctx, postgres.Event{
			Type: coupon.DistributionRecalled, BookID: run.BookID, JobID: &run.ID, ActorID: &run.SubmitterID, Data: data,
		})
	})
	if err == nil {
		s.publishDone(ctx, run)
	}
	return err
}
