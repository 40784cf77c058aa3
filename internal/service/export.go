package service

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// ExportRequest asks for the codes of a book as a file.
type ExportRequest struct {
	BookID         uuid.UUID
	Filter         coupon.StockFilter
	IdempotencyKey string
	Fingerprint    []byte
}

type exportParams struct {
	State   *coupon.State `json:"state"`
	BatchID *uuid.UUID    `json:"batch_id"`
	Prefix  string        `json:"prefix"`
}

// SubmitExport accepts a job that makes a file of a book's codes.
func (s *Service) SubmitExport(ctx context.Context, p auth.Principal, in ExportRequest) (Submission, error) {
	if _, err := s.ownBook(ctx, p, in.BookID); err != nil {
		return Submission{}, err
	}
	stats, err := s.store.BookStats(ctx, in.BookID)
	if err != nil {
		return Submission{}, err
	}
	params, err := json.Marshal(exportParams{in.Filter.State, in.Filter.BatchID, in.Filter.Prefix})
	if err != nil {
		return Submission{}, err
	}
	return s.submitBulk(ctx, p, coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.ExportJob, BookID: in.BookID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: max(1, int(stats.Total)), Params: params,
	}, always)
}

// exportResult is what the job tells at its end.
type exportResult struct {
	Rows int `json:"rows"`
}

// Export runs an export job, and returns how many codes it found. All of it is
// one transaction: there is the whole file, or none.
func (s *Service) Export(ctx context.Context, jobID uuid.UUID) (rows int, err error) {
	var params exportParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return 0, err
	}
	err = s.inRun(ctx, &run, func(tx *postgres.Store) error {
		if rows, err = tx.CopyExport(ctx, run, coupon.StockFilter{State: params.State, BatchID: params.BatchID, Prefix: params.Prefix}); err != nil {
			return err
		}
		if err = tx.SetTotal(ctx, run, max(1, rows)); err != nil {
			return err
		}
		if err = tx.Advance(ctx, run, max(1, rows), 0); err != nil { // an empty file is a file
			return err
		}
		// Without the prefix: it may be a whole code, which stays with the job.
		event, err := json.Marshal(coupon.CodesExportedData{Count: rows, State: params.State, BatchID: params.BatchID})
		if err != nil {
			return err
		}
		err = tx.AddEvent(ctx, postgres.Event{
			Type: coupon.CodesExported, BookID: run.BookID, JobID: &run.ID, ActorID: &run.SubmitterID, Data: event,
		})
		if err != nil {
			return err
		}
		result, err := json.Marshal(exportResult{rows})
		if err != nil {
			return err
		}
		return tx.EndBulk(ctx, run, nil, result)
	})
	if err != nil {
		return 0, fmt.Errorf("export codes: %w", err)
	}
	s.publishDone(ctx, run)
	return rows, nil
}

// OpenExport tells whether the file of an export can be fetched still. Whoever
// has its link may.
func (s *Service) OpenExport(ctx context.Context, id uuid.UUID) error {
	jobs, err := s.store.Jobs(ctx, []uuid.UUID{id})
	switch {
	case err != nil:
		return err
	case len(jobs) == 0 || jobs[0].Kind != coupon.ExportJob || !jobs[0].Done():
		return coupon.ErrExportNotFound
	case time.Since(*jobs[0].FinishedAt) >= coupon.ExportOpen:
		return coupon.ErrExportExpired
	}
	return nil
}

// ExportPage returns the next rows of an export, after the first n.
func (s *Service) ExportPage(ctx context.Context, id uuid.UUID, after, limit int) ([]coupon.ExportRow, error) {
	return s.store.ExportPage(ctx, id, after, limit)
}
