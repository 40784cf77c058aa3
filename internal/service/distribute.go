package service

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/loop"
	"couponbook/internal/postgres"
)

// mostHanded is how many recipients, and how many coupons or hardly more, one
// transaction serves while it holds the book's stock.
const mostHanded = 1000

// distributing is a run of a distribution.
type distributing struct {
	*Service
	run  postgres.BulkRun
	d    postgres.Distribution
	rank int64 // of the coupon taken last: those before it are gone
}

// errHeld: the book is paused, and with it what gives out its coupons.
var errHeld = errors.New("the book is paused")

// Distribute runs a distribution to its end, from where an earlier run stopped,
// and returns how many coupons it has given out. It plans first: who the
// members are, how many coupons each gets, and that there are enough.
func (s *Service) Distribute(ctx context.Context, jobID uuid.UUID) (granted int, err error) {
	r := &distributing{Service: s, rank: fromTheStart.rank}
	ok := false
	if r.run, ok, err = s.startBulk(ctx, jobID, &struct{}{}); err != nil || !ok {
		return 0, err
	}
	if r.d, err = s.store.Distribution(ctx, jobID); err == nil {
		err = r.alive(ctx, r.do)
	}
	if errors.Is(err, coupon.ErrJobNotFound) { // it was paused, or another run has taken over
		err = nil
	}
	if err != nil {
		return r.d.Granted, fmt.Errorf("distribute: %w", err)
	}
	return r.d.Granted, nil
}

func (r *distributing) do(ctx context.Context) error {
	err := r.plan(ctx)
	for err == nil && !r.run.Canceling && !r.d.DryRun && r.run.Processed < r.run.Total {
		err = r.inRun(ctx, &r.run, func(tx *postgres.Store) error {
			if r.run.Canceling {
				return nil
			}
			return r.hand(ctx, tx)
		})
	}
	refusal, refused := errors.AsType[*coupon.Error](err)
	switch {
	case errors.Is(err, errHeld): // the sweeper rings when the book is open again
		return r.store.Wait(ctx, r.run)
	case refused && refusal.Kind != coupon.NotFound:
		return r.end(ctx, refusal)
	case err != nil:
		return err
	case r.d.DryRun && !r.run.Canceling:
		return r.endPlan(ctx, r.run, r.d)
	}
	return r.end(ctx, nil)
}

// plan does what an earlier run has not done of the plan, each step for good.
func (r *distributing) plan(ctx context.Context) error {
	steps := []struct {
		due  bool
		step func(context.Context) error
	}{
		{r.d.Members == nil, r.snapshot},
		{r.d.Coupons == nil, r.deal},
		{r.d.PlanID != nil && r.d.Reserved == 0 && r.run.Processed == 0, r.take},
	}
	for _, s := range steps {
		if s.due && !r.run.Canceling {
			if err := s.step(ctx); err != nil {
				return err
			}
		}
	}
	if r.d.Coupons == nil || *r.d.Extras == 0 || r.d.LastDraw != nil {
		return nil
	}
	return r.note(ctx, func(tx *postgres.Store) error { return tx.DrawExtras(ctx, r.run) })
}

// snapshot writes down who the members are. A large pool takes seconds: the
// run's row is held for the end of them only.
func (r *distributing) snapshot(ctx context.Context) error {
	return r.store.InTx(ctx, func(tx *postgres.Store) (err error) {
		if err = tx.Snapshot(ctx, r.run, r.d.Terms()); err != nil {
			return err
		}
		if r.run, err = tx.HoldRun(ctx, r.run); err != nil {
			return err
		}
		if r.d, err = tx.CountSnapshot(ctx, r.run); err != nil {
			return err
		}
		if *r.d.Members == 0 {
			return coupon.ErrPoolEmpty
		}
		r.run.Total = *r.d.Members
		return tx.SetTotal(ctx, r.run, r.run.Total)
	})
}

// deal decides how many coupons there are for everyone, and has them promised.
func (r *distributing) deal(ctx context.Context) error {
	capacities, err := r.store.Capacities(ctx, r.run.ID)
	if err != nil {
		return err
	}
	return r.note(ctx, func(tx *postgres.Store) error {
		free, err := r.holdStock(ctx, tx)
		if err != nil {
			return err
		}
		deal, err := r.d.Terms().Deal(capacities, free)
		if err == nil {
			err = tx.SetDeal(ctx, r.run, deal)
		}
		if err != nil || r.d.DryRun {
			return err
		}
		return r.begin(ctx, tx, deal.Coupons)
	})
}

// take makes sure that a plan still fits, and has its coupons promised.
func (r *distributing) take(ctx context.Context) error {
	if r.run.Total != *r.d.Members {
		r.run.Total = *r.d.Members
		if err := r.note(ctx, func(tx *postgres.Store) error { return tx.SetTotal(ctx, r.run, r.run.Total) }); err != nil {
			return err
		}
	}
	return r.note(ctx, func(tx *postgres.Store) error {
		drift, err := tx.PlanDrift(ctx, r.run)
		if err != nil {
			return err
		}
		free, err := r.holdStock(ctx, tx)
		if err != nil {
			return err
		}
		if why := staleness(drift, *r.d.Coupons, free); why != nil {
			return why
		}
		return r.begin(ctx, tx, *r.d.Coupons)
	})
}

// staleness tells all reasons for which a plan does not fit any more, or nil.
func staleness(drift postgres.Drift, planned, free int) error {
	var why []string
	if drift.PoolChanged {
		why = append(why, "the pool has other members")
	}
	if drift.Unfit > 0 {
		why = append(why, fmt.Sprintf("%d recipients are disabled or have reached the book's limit", drift.Unfit))
	}
	if free < planned {
		why = append(why, fmt.Sprintf("%d coupons are needed and %d are free", planned, free))
	}
	if len(why) == 0 {
		return nil
	}
	return coupon.ErrPlanStale.With("The plan does not fit any more: %s. Make a new one with dry_run.", strings.Join(why, "; "))
}

// holdStock holds the book's stock, and returns how much of it is free.
func (r *distributing) holdStock(ctx context.Context, tx *postgres.Store) (free int, err error) {
	book, err := tx.BookAndStock(ctx, r.run.BookID)
	if err == nil && book.Holds() {
		err = errHeld
	}
	if err == nil {
		err = book.TakesDistributions(book.Now)
	}
	if err != nil {
		return 0, err
	}
	return tx.Stock(ctx, r.run)
}

// begin has the coupons promised to the run, and tells that it has begun.
func (r *distributing) begin(ctx context.Context, tx *postgres.Store, coupons int) error {
	if err := tx.Reserve(ctx, r.run); err != nil {
		return err
	}
	return r.tell(ctx, tx, coupon.DistributionStarted, coupon.DistributionData{Total: *r.d.Members, Coupons: coupons})
}

// hand gives the next recipients what the plan has for them.
func (r *distributing) hand(ctx context.Context, tx *postgres.Store) error {
	size := max(1, mostHanded/(*r.d.Level+1))
	turn, err := tx.OpenTurn(ctx, r.run, r.d, postgres.Span{After: r.run.Processed, To: r.run.Processed + size})
	if err == nil && turn.Book.Holds() {
		err = errHeld
	}
	if err != nil {
		return err
	}
	if len(turn.Recipients) != min(size, r.run.Total-r.run.Processed) {
		return coupon.ErrPlanStale.With("The plan is gone: make a new one with dry_run.") // rather than to go round for ever
	}
	h := postgres.Handed{Now: turn.Now, Expiry: turn.Book.ExpiryOf(turn.Now)}
	if over := turn.Book.Over(turn.Now); over != nil {
		h.Gifts = coupon.FailAll(turn.Recipients, coupon.OutcomeReason(over.Code))
	} else {
		h.Gifts = coupon.Hand(turn.Recipients, turn.Book.MaxAssignmentsPerUser, math.MaxInt)
	}
	need := coupon.Coupons(h.Gifts)
	if h.Coupons, err = tx.TakeFree(ctx, r.run.BookID, r.rank, need); err != nil {
		return err
	}
	if found := len(h.Coupons); found < need { // some were voided, disabled or expired meanwhile
		h.Gifts = coupon.Hand(turn.Recipients, turn.Book.MaxAssignmentsPerUser, found)
	}
	if err = tx.Hand(ctx, r.run, h); err != nil {
		return err
	}
	r.run.Processed += len(h.Gifts)
	r.d.Granted += len(h.Coupons)
	if n := len(h.Coupons); n > 0 {
		r.rank = h.Coupons[n-1].DrawRank
	}
	return nil
}

// end ends the job: well, canceled where it is, or with why nobody gets
// anything. It tells what came of it.
func (r *distributing) end(ctx context.Context, failure *coupon.Error) error {
	err := r.inRun(ctx, &r.run, func(tx *postgres.Store) error {
		event := coupon.DistributionCompleted
		if r.run.Canceling && failure == nil {
			event = coupon.DistributionCanceled
			if err := tx.SkipRest(ctx, r.run, r.d, coupon.CanceledFirst); err != nil {
				return err
			}
		}
		gave := failure == nil && r.d.Coupons != nil && !r.d.DryRun
		result, err := r.result(ctx, tx, gave) // before the stock is held: it counts all recipients
		if err != nil {
			return err
		}
		if _, err = tx.BookAndStock(ctx, r.run.BookID); err != nil {
			return err
		}
		if err = tx.Release(ctx, r.run); err != nil {
			return err
		}
		if err = tx.EndBulk(ctx, r.run, failure, result); err != nil || !gave {
			return err
		}
		job, err := tx.JobForUpdate(ctx, r.run.ID)
		if err != nil {
			return err
		}
		told := newDistributionTold(job)
		told.Coupons = r.d.Granted
		return r.tell(ctx, tx, event, told)
	})
	if err == nil {
		r.publishDone(ctx, r.run)
	}
	return err
}

// result is what a run that gave something out has come to; else nothing.
func (r *distributing) result(ctx context.Context, tx *postgres.Store, gave bool) (json.RawMessage, error) {
	if !gave {
		return nil, nil
	}
	result, _, err := r.summarise(ctx, tx, r.run, r.d)
	if err == nil {
		result.Reasons, err = tx.CountReasons(ctx, r.run.ID)
	}
	if err == nil {
		result.Gets, err = tx.CountGifts(ctx, r.run.ID)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func (r *distributing) tell(ctx context.Context, tx *postgres.Store, event coupon.EventType, told coupon.DistributionData) error {
	told.PoolID = &r.run.PoolID
	data, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return tx.AddEvent(ctx, postgres.Event{Type: event, BookID: r.run.BookID, JobID: &r.run.ID, ActorID: &r.run.SubmitterID, Data: data})
}

// note does a step of the plan in one transaction, and reads what it has come to.
func (r *distributing) note(ctx context.Context, step func(*postgres.Store) error) error {
	return r.inRun(ctx, &r.run, func(tx *postgres.Store) error {
		if err := step(tx); err != nil {
			return err
		}
		d, err := tx.Distribution(ctx, r.run.ID)
		if err == nil {
			r.d = d
		}
		return err
	})
}

// alive shows that the run is alive as long as work goes on, and stops it when
// the job was paused or another run has taken over.
func (r *distributing) alive(ctx context.Context, work func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	run := r.run // work counts in the other
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		loop.Every(ctx, time.Second, "show that a distribution is alive", func(ctx context.Context) error {
			err := r.store.Beat(ctx, run)
			if errors.Is(err, coupon.ErrJobNotFound) {
				stop(err)
				return nil
			}
			return err
		})
	}()
	err := work(ctx)
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = errors.Join(cause, err)
	}
	stop(nil)
	<-beating
	return err
}

func sum(data []byte) []byte {
	hash := sha256.Sum256(data)
	return hash[:]
}
