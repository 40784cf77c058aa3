package service

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// mostVoided is how many coupons one transaction voids while it holds the stock.
const mostVoided = 1000

// Batches lists the batches of a book, newest first, for its manager.
func (s *Service) Batches(ctx context.Context, p auth.Principal, bookID uuid.UUID, before *uuid.UUID, limit int) ([]coupon.Batch, error) {
	if _, err := s.ownBook(ctx, p, bookID); err != nil {
		return nil, err
	}
	return s.store.Batches(ctx, bookID, before, limit)
}

// VoidRequest asks to void all coupons of a batch.
type VoidRequest struct {
	BookID, BatchID uuid.UUID
	Reason          string
	IdempotencyKey  string
	Fingerprint     []byte
}

type voidParams struct {
	BatchID uuid.UUID `json:"batch_id"`
	Reason  string    `json:"reason"`
}

// SubmitVoid accepts a job that voids a batch.
func (s *Service) SubmitVoid(ctx context.Context, p auth.Principal, in VoidRequest) (Submission, error) {
	if _, err := s.ownBook(ctx, p, in.BookID); err != nil {
		return Submission{}, err
	}
	batch, err := s.store.Batch(ctx, in.BookID, in.BatchID)
	if err != nil {
		return Submission{}, err
	}
	params, err := json.Marshal(voidParams{in.BatchID, in.Reason})
	if err != nil {
		return Submission{}, err
	}
	return s.submitBulk(ctx, p, coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.VoidJob, BookID: in.BookID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: batch.Codes, Params: params,
	}, always)
}

// voidResult is what the job tells at its end.
type voidResult struct {
	BatchID uuid.UUID       `json:"batch_id"`
	Voided  int             `json:"voided"` // also those that were void before
	Left    int             `json:"left"`
	Reasons json.RawMessage `json:"reasons"` // how many are left for each
}

// VoidBatch runs a job that voids a batch to its end, from where an earlier run
// stopped, and returns how many coupons it voided.
func (s *Service) VoidBatch(ctx context.Context, jobID uuid.UUID) (voided int, err error) {
	var params voidParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return 0, err
	}
	err = s.inRun(ctx, &run, func(tx *postgres.Store) error {
		run, err = tx.CloseBatch(ctx, run, params.BatchID)
		return err
	})
	for n := mostVoided; err == nil && n == mostVoided; voided += n {
		n, err = s.voidChunk(ctx, &run, params)
	}
	if err == nil {
		err = s.endVoid(ctx, run, params)
	}
	if err != nil {
		return voided, fmt.Errorf("void batch: %w", err)
	}
	return voided, nil
}

func (s *Service) voidChunk(ctx context.Context, run *postgres.BulkRun, params voidParams) (n int, err error) {
	err = s.inRun(ctx, run, func(tx *postgres.Store) error {
		if _, err := tx.BookAndStock(ctx, run.BookID); err != nil {
			return err
		}
		if n, err = tx.VoidBatch(ctx, *run, params.BatchID, params.Reason, mostVoided); err != nil {
			return err
		}
		run.Processed += n
		return tx.Advance(ctx, *run, n, 0)
	})
	return n, err
}

// endVoid tells which coupons are left. Those that were void before are as
// they were to be.
func (s *Service) endVoid(ctx context.Context, run postgres.BulkRun, params voidParams) error {
	err := s.inRun(ctx, &run, func(tx *postgres.Store) error {
		left, err := tx.LeftOfBatch(ctx, run, params.BatchID)
		if err != nil {
			return err
		}
		if err = tx.Advance(ctx, run, run.Total-run.Processed-left, left); err != nil {
			return err
		}
		result := voidResult{BatchID: params.BatchID, Voided: run.Total - left, Left: left}
		if result.Reasons, err = tx.CountReasons(ctx, run.ID); err != nil {
			return err
		}
		data, err := json.Marshal(result)
		if err != nil {
			return err
		}
		return tx.EndBulk(ctx, run, nil, data)
	})
	if err == nil {
		s.publishDone(ctx, run)
	}
	return err
}
