package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// mostGenerated is how many codes one transaction makes: well under a second
// of work, so that a crash repeats little and progress moves.
const mostGenerated = 10_000

// A chunk that met codes that exist tries at least leastTried. When mostVain
// chunks in a row find no free one, there is none worth looking for.
const (
	leastTried = 1000
	mostVain   = 3
)

// GenerateRequest asks for codes in a book.
type GenerateRequest struct {
	BookID         uuid.UUID
	Count          int
	Format         coupon.CodeFormat
	IdempotencyKey string
	Fingerprint    []byte
}

type generateParams struct {
	Pattern        string `json:"pattern"`
	Alphabet       string `json:"alphabet"`
	MaxRedemptions int    `json:"max_redemptions"` // as the book said at the time
}

func (p generateParams) pattern() coupon.Pattern {
	return coupon.Pattern{Template: p.Pattern, Alphabet: cmp.Or(p.Alphabet, coupon.Charsets[0].Characters)} // old jobs name none
}

// SubmitGenerate accepts a job that makes codes.
func (s *Service) SubmitGenerate(ctx context.Context, p auth.Principal, in GenerateRequest) (Submission, error) {
	book, err := s.ownBook(ctx, p, in.BookID)
	if err != nil {
		return Submission{}, err
	}
	pattern, err := coupon.NewPattern(in.Format)
	if err == nil {
		err = pattern.CheckFor(in.Count, in.Format.AllowGuessable)
	}
	if err != nil {
		return Submission{}, err
	}
	params, err := json.Marshal(generateParams{pattern.Template, pattern.Alphabet, book.MaxRedemptions})
	if err != nil {
		return Submission{}, err
	}
	return s.submitBulk(ctx, p, coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.GenerateJob, BookID: book.ID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: in.Count, Params: params,
	}, book.TakesCodes)
}

// Generate runs a generation job to its end, from where an earlier run stopped.
// It does nothing when the job has ended or another run is alive.
func (s *Service) Generate(ctx context.Context, jobID uuid.UUID) (made int, err error) {
	var params generateParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return 0, err
	}
	batch, err := s.store.AddBatch(ctx, run, postgres.NewBatch{Kind: coupon.Generated, Pattern: &params.Pattern})
	if err != nil {
		return 0, fmt.Errorf("make the batch: %w", err)
	}
	start, failure, vain := run.Processed, (*coupon.Error)(nil), 0
	for run.Processed < run.Total && failure == nil {
		before := run.Processed
		if run, err = s.generateChunk(ctx, run, batch, params); err != nil {
			return run.Processed - start, fmt.Errorf("generate codes: %w", err)
		}
		if vain++; run.Processed > before {
			vain = 0
		} else if vain == mostVain {
			failure = coupon.ErrCodesExhausted
		}
	}
	return run.Processed - start, s.endCodes(ctx, run, batch, run.Processed, failure, nil)
}

// generateChunk makes the next codes: by COPY, or by looking for free ones
// where a random code exists already.
func (s *Service) generateChunk(ctx context.Context, run postgres.BulkRun, batch uuid.UUID, params generateParams) (postgres.BulkRun, error) {
	n := min(mostGenerated, run.Total-run.Processed)
	coupons, err := newCoupons(n, params)
	if err != nil {
		return run, err
	}
	store := func(add func(tx *postgres.Store) (int, error)) error {
		return s.inRun(ctx, &run, func(tx *postgres.Store) error {
			added, err := add(tx)
			if err != nil {
				return err
			}
			if err = tx.Advance(ctx, run, added, 0); err != nil {
				return err
			}
			run.Processed += added
			return tx.AddStock(ctx, run.BookID, batch, added, added)
		})
	}
	err = store(func(tx *postgres.Store) (int, error) {
		return n, tx.CopyCoupons(ctx, run.BookID, batch, coupons)
	})
	if !errors.Is(err, postgres.ErrCodeTaken) {
		return run, err
	}
	if more := leastTried - n; more > 0 {
		others, err := newCoupons(more, params)
		if err != nil {
			return run, err
		}
		coupons = append(coupons, others...)
	}
	err = store(func(tx *postgres.Store) (int, error) { return tx.AddCoupons(ctx, run.BookID, batch, coupons, n) })
	return run, err
}

func newCoupons(n int, params generateParams) ([]postgres.NewCoupon, error) {
	generator, pattern := coupon.NewGenerator(), params.pattern()
	coupons := make([]postgres.NewCoupon, n)
	for i := range coupons {
		code, err := generator.Code(pattern)
		if err != nil {
			return nil, err
		}
		rank, err := generator.DrawRank()
		if err != nil {
			return nil, err
		}
		coupons[i] = postgres.NewCoupon{
			ID: uuid.Must(uuid.NewV7()), Code: code, Normalised: coupon.Normalise(code), DrawRank: rank,
			MaxRedemptions: max(1, params.MaxRedemptions), // jobs of an older release say none
		}
	}
	return coupons, nil
}
