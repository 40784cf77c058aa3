package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Submitter accepts claims: the product's way, or another one to measure against.
type Submitter interface {
	Submit(ctx context.Context, p auth.Principal, in ClaimRequest) (Submission, error)
}

// RetryJob tries a job again that failed by our fault. A bulk job goes on where
// it stopped. Claims are claimed anew in the name of who submitted them, which
// is a job of its own: the same one however often it is asked for.
func (s *Service) RetryJob(ctx context.Context, p auth.Principal, claims Submitter, id uuid.UUID) (coupon.Job, error) {
	job, err := s.visibleJob(ctx, p, id)
	if err != nil {
		return job, err
	}
	if job.Kind.Waits() {
		if err = job.Retryable(); err != nil {
			return job, err
		}
		again, err := s.claimAgain(ctx, p, claims, job)
		return again.Job, err
	}
	retried := false
	err = s.store.InTx(ctx, func(tx *postgres.Store) error {
		now, err := tx.JobForUpdate(ctx, id)
		if err != nil || !now.Done() { // it goes on already
			return err
		}
		if err = now.Retryable(); err != nil {
			return err
		}
		if now.Kind == coupon.DistributionJob {
			err = reserveRest(ctx, tx, now)
		}
		if err == nil {
			err = tx.RetryJob(ctx, now, p.UserID)
		}
		if err == nil {
			err = audit(ctx, tx, p, coupon.JobRetry, id, nil, nil)
		}
		retried = err == nil
		return err
	})
	if err != nil {
		return job, err
	}
	if retried {
		s.ring(ctx, id, func(ctx context.Context) error { return s.queue.RingJob(ctx, job.Kind, id) })
	}
	return s.visibleJob(ctx, p, id)
}

// reserveRest has the coupons promised that a distribution has still to give out.
func reserveRest(ctx context.Context, tx *postgres.Store, job coupon.Job) error {
	if _, err := tx.BookAndStock(ctx, *job.BookID); err != nil {
		return err
	}
	fits, err := tx.ReserveRest(ctx, postgres.BulkRun{ID: job.ID, BookID: *job.BookID, Processed: job.Processed})
	if err == nil && !fits {
		err = coupon.ErrShortage.With("The book has too few free coupons for those who had no turn: add codes first.")
	}
	return err
}

// claimAgain submits a claim or a batch of them anew, under a key of its own.
func (s *Service) claimAgain(ctx context.Context, p auth.Principal, claims Submitter, job coupon.Job) (Submission, error) {
	submitter := auth.Principal{UserID: job.SubmitterID, Role: coupon.Admin}
	deed, err := newAudit(ctx, p, coupon.JobRetry, job.ID, nil, nil)
	if err != nil {
		return Submission{}, err
	}
	key, mark := "retry:"+job.ID.String(), job.ID[:]
	if job.Kind != coupon.BatchJob {
		request := ClaimRequest{BookID: *job.BookID, For: coupon.UserRef{ID: job.UserID}, Count: job.Total, IdempotencyKey: key, Fingerprint: mark, Audit: &deed}
		if job.CouponID != nil {
			request.Coupon = &postgres.CouponRef{ID: job.CouponID}
		}
		return claims.Submit(ctx, submitter, request)
	}
	outcomes, err := s.store.Outcomes(ctx, job.ID, coupon.OutcomeFilter{}, coupon.MaxBatch)
	if err != nil {
		return Submission{}, err
	}
	request := ClaimBatchRequest{BookID: *job.BookID, IdempotencyKey: key, Fingerprint: mark, Audit: &deed}
	for _, o := range outcomes {
		request.Items = append(request.Items, ClaimItem{ItemID: *o.ItemID, For: coupon.UserRef{ID: o.UserID}, Count: *o.Planned})
	}
	return s.SubmitClaimBatch(ctx, submitter, request)
}
