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

// ReplayRequest asks to send the events of a span of time to an endpoint again,
// and those that it was never sent.
type ReplayRequest struct {
	EndpointID     uuid.UUID
	From, To       time.Time // From is in, To is not
	IdempotencyKey string
	Fingerprint    []byte
}

type replayParams struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
}

// replayResult is what a replay tells, also on its way.
type replayResult struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	Deliveries int       `json:"deliveries"` // begun anew, or made
	After      string    `json:"after"`      // the last transaction that was looked at
	UpTo       string    `json:"up_to"`      // the last one of all
}

// mostReplayed is how many events one transaction of a replay looks at.
const mostReplayed = 2000

// SubmitReplay accepts a job that replays events.
func (w *Webhooks) SubmitReplay(ctx context.Context, p auth.Principal, in ReplayRequest) (Submission, error) {
	endpoint, err := w.Endpoint(ctx, p, in.EndpointID)
	if err != nil {
		return Submission{}, err
	}
	if !in.From.Before(in.To) {
		return Submission{}, coupon.InvalidInput(coupon.Field{Pointer: "/to", Detail: "must be after from"})
	}
	params, err := json.Marshal(replayParams{in.EndpointID, in.From, in.To})
	if err != nil {
		return Submission{}, err
	}
	return w.submitBulk(ctx, p, coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.ReplayJob, SubmitterID: p.UserID, IdempotencyKey: in.IdempotencyKey,
		Fingerprint: in.Fingerprint, Total: 1, Params: params,
	}, func() error {
		if endpoint.Status == coupon.EndpointDisabled {
			return coupon.ErrEndpointDisabled
		}
		return nil
	})
}

// Replay runs a replay to its end, from where an earlier run stopped, and
// returns how many deliveries it has begun.
func (s *Service) Replay(ctx context.Context, jobID uuid.UUID) (deliveries int, err error) {
	var params replayParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return 0, err
	}
	span := postgres.TimeSpan{From: params.From, To: params.To}
	for more := true; more && err == nil; {
		err = s.inRun(ctx, &run, func(tx *postgres.Store) error {
			result := replayResult{EndpointID: params.EndpointID}
			if run.Result != nil {
				if err := json.Unmarshal(run.Result, &result); err != nil {
					return err
				}
			} else if err := startReplay(ctx, tx, &run, span, &result); err != nil {
				return err
			}
			step, err := tx.Replay(ctx, params.EndpointID, span, postgres.EventSpan{After: result.After, UpTo: result.UpTo}, mostReplayed)
			if err != nil {
				return err
			}
			if more = step.UpTo != nil; more {
				result.After = *step.UpTo
			}
			result.Deliveries += step.Deliveries
			deliveries = result.Deliveries
			return s.noteReplay(ctx, tx, &run, result, step.Looked, more)
		})
	}
	if err != nil {
		return deliveries, fmt.Errorf("replay events: %w", err)
	}
	s.publishDone(ctx, run)
	return deliveries, nil
}

// startReplay finds and counts what there is to look at.
func startReplay(ctx context.Context, tx *postgres.Store, run *postgres.BulkRun, span postgres.TimeSpan, result *replayResult) error {
	n, in, err := tx.EventsWithin(ctx, span)
	if err == nil {
		result.After, result.UpTo = in.After, in.UpTo
		run.Total = max(1, n)
		err = tx.SetTotal(ctx, *run, run.Total)
	}
	return err
}

// noteReplay notes how far a replay is, or ends it. What happened since it was
// counted does not count.
func (s *Service) noteReplay(ctx context.Context, tx *postgres.Store, run *postgres.BulkRun, result replayResult, looked int, more bool) error {
	looked = min(looked, run.Total-run.Processed)
	if !more {
		looked = run.Total - run.Processed
	}
	data, err := json.Marshal(result)
	if err == nil {
		err = tx.Advance(ctx, *run, looked, 0)
	}
	if err != nil {
		return err
	}
	run.Processed += looked
	if !more {
		return tx.EndBulk(ctx, *run, nil, data)
	}
	run.Result = data
	return tx.NoteResult(ctx, *run, data)
}
