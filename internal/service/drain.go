package service

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/metrics"
	"couponbook/internal/mutex"
	"couponbook/internal/postgres"
	"couponbook/internal/tracing"
)

const (
	mostDrained = 500 // claims a transaction decides
	drainTries  = 3   // of a group that met a deadlock or a lost connection
	publishWait = 250 * time.Millisecond
)

var errTurnOver = errors.New("the book's turn is over")

// Drainer is the worker's side of the hot path: it decides accepted claims.
type Drainer struct {
	// Turn is how long a book is worked on, or hardly more, while others may wait:
	// a quarter of a second.
	Turn time.Duration

	store   *postgres.Store
	mutexes Mutexes
	queue   Queue
}

// Mutexes keeps workers from doing the same work; tests have one that lets
// everyone in.
type Mutexes interface {
	Try(ctx context.Context, name string, work func(context.Context) error) error
}

// NewDrainer makes a drainer.
func NewDrainer(store *postgres.Store, mutexes Mutexes, queue Queue) *Drainer {
	return &Drainer{250 * time.Millisecond, store, mutexes, queue}
}

// Drained counts what a drain did.
type Drained struct {
	Granted, Refused int
	Taken            bool // someone else drains the book
}

// Drain decides the waiting claims of a book in the order of acceptance, group
// by group, until none waits or the book's turn is over: then it rings for the next
// one. When someone else is at it already, it leaves them to him.
func (d *Drainer) Drain(ctx context.Context, bookID uuid.UUID) (Drained, error) {
	var done Drained
	for {
		before := done
		err := d.mutexes.Try(ctx, "book:"+bookID.String(), func(ctx context.Context) error {
			return d.drain(ctx, bookID, &done)
		})
		if errors.Is(err, mutex.ErrTaken) {
			done.Taken = true
			return done, nil
		}
		if errors.Is(err, errTurnOver) {
			if d.queue.RingBook(ctx, bookID) == nil {
				return done, nil
			}
			continue // without Redis nobody else would go on
		}
		if err != nil || done == before {
			return done, err
		}
		// Whoever rang while we held the mutex has gone away: look once more.
		if more, err := d.store.HasWaiting(ctx, bookID); err != nil || !more {
			return done, err
		}
	}
}

// bounds keep a drain from walking again over what it has just decided: the
// dead entries at the head of both indexes.
type bounds struct {
	seq, rank int64
	at        time.Time // when the group before was opened; zero: there was none
}

var fromTheStart = bounds{seq: 0, rank: -1}

func (d *Drainer) drain(ctx context.Context, bookID uuid.UUID, done *Drained) error {
	after, size, tries := fromTheStart, mostDrained, 0
	var stuck error // a claim that can neither be decided nor ended
	for end := time.Now().Add(d.Turn); ctx.Err() == nil; {
		n, last, err := d.group(ctx, bookID, &after, size, nil, done)
		switch {
		case err == nil && n == 0 && (after.seq == fromTheStart.seq || stuck != nil):
			return stuck
		case err == nil && n == 0:
			after = fromTheStart // someone may have let go of an earlier claim
		case err == nil && time.Now().After(end):
			return errTurnOver
		case err == nil:
			size, tries = mostDrained, 0
		case postgres.IsData(err) && size > 1:
			size /= 2 // the row that Postgres refuses is among fewer
		case postgres.IsData(err):
			slog.ErrorContext(ctx, "claim failed", "book_id", bookID, "after_seq", after.seq, "error", err)
			if _, _, err = d.group(ctx, bookID, &after, 1, coupon.ErrInternal, done); err != nil {
				after.seq, stuck = last, err // the others do not wait for it
			}
			size = mostDrained
		case postgres.IsTransient(err) && tries < drainTries:
			tries++
		default:
			return err
		}
	}
	return ctx.Err()
}

// group decides the next claims of a book in one transaction, and returns how
// many and, also when it fails, the seq of the last. With refusal, they all get that.
func (d *Drainer) group(ctx context.Context, bookID uuid.UUID, after *bounds, size int,
	refusal *coupon.Error, done *Drained,
) (n int, last int64, err error) {
	var settled postgres.Settlement
	next, start := *after, time.Now()
	err = d.store.InTx(ctx, func(tx *postgres.Store) error {
		group, err := tx.OpenGroup(ctx, bookID, after.seq, size)
		if err != nil || len(group.Claims) == 0 || group.Book.Holds() {
			return err
		}
		group.Claims = coupon.SameKind(group.Claims, group.Book, group.Now)
		first, last := group.Claims[0], group.Claims[len(group.Claims)-1]
		settled = postgres.Settlement{BookID: bookID, Now: group.Now, Expiry: group.Book.ExpiryOf(group.Now), Rate: group.Rate}
		if !next.at.IsZero() {
			settled.Rate = coupon.DrainRate(group.Rate, int(last.Seq-next.seq), group.Now.Sub(next.at))
		}
		next.seq, next.at = last.Seq, group.Now
		if first.Batch {
			if group.Claims, err = tx.ClaimItems(ctx, first); err != nil {
				return err
			}
		}
		whole := firstOf(refusal, group.Book.Over(group.Now), tooLate(first, group))
		if whole != nil {
			settled.Decided = coupon.RefuseAll(group.Claims, whole)
		} else if err = d.decide(ctx, tx, group, next.rank, &settled); err != nil {
			return err
		}
		if n := len(settled.Coupons); n > 0 && first.CouponID == nil {
			next.rank = settled.Coupons[n-1].DrawRank
		}
		if first.Batch {
			return tx.SettleBatch(ctx, settled, whole)
		}
		return tx.Settle(ctx, settled)
	})
	if err != nil {
		return 0, next.seq, err
	}
	*after = next
	if len(settled.Decided) > 0 {
		metrics.DrainGroup.Observe(float64(len(settled.Decided)))
		metrics.DrainTime.Observe(metrics.Since(start))
		count(settled)
		d.trace(ctx, start, settled)
	}
	d.tell(ctx, settled.Decided, done)
	return len(settled.Decided), next.seq, nil
}

// decide gives out coupons by the rules of package coupon.
func (d *Drainer) decide(ctx context.Context, tx *postgres.Store, group postgres.Group, rank int64, s *postgres.Settlement) error {
	limit := coupon.Limit{PerUser: group.Book.MaxAssignmentsPerUser}
	var err error
	if limit.PerUser != nil {
		users := make([]uuid.UUID, len(group.Claims))
		for i, claim := range group.Claims {
			users[i] = claim.UserID
		}
		if limit.Used, err = tx.Used(ctx, group.Book.ID, users); err != nil {
			return err
		}
	}
	if group.Claims[0].CouponID != nil {
		return d.decideChosen(ctx, tx, group, limit, s)
	}
	s.Decided = coupon.Decide(group.Claims, limit, group.Free-group.Reserved, nil)
	need := coupon.Need(s.Decided)
	if s.Coupons, err = tx.TakeFree(ctx, group.Book.ID, rank, need); err != nil {
		return err
	}
	if found := len(s.Coupons); found < need {
		// The stock counts codes of which the own end has passed until a sweeper
		// writes that down. What is wrong beyond that, `couponctl verify` names.
		s.Decided = coupon.Decide(group.Claims, limit, found, nil)
		s.Coupons = s.Coupons[:coupon.Need(s.Decided)]
	}
	return nil
}

// decideChosen is decide for claims that name their coupon.
func (d *Drainer) decideChosen(ctx context.Context, tx *postgres.Store, group postgres.Group, limit coupon.Limit, s *postgres.Settlement) error {
	ids := make([]uuid.UUID, len(group.Claims))
	for i, claim := range group.Claims {
		ids[i] = *claim.CouponID
	}
	held, err := tx.HoldChosen(ctx, group.Book.ID, ids)
	if err != nil {
		return err
	}
	chosen := make(map[uuid.UUID]coupon.Chosen, len(held))
	for id, c := range held {
		chosen[id] = coupon.Chosen{State: c.State, Disabled: c.Disabled}
	}
	s.Decided = coupon.Decide(group.Claims, limit, group.Free-group.Reserved, chosen)
	for _, decision := range s.Decided {
		if decision.Granted() {
			s.Coupons = append(s.Coupons, held[*decision.CouponID].FreeCoupon)
		}
	}
	return nil
}

// count counts outcomes, for those who watch.
func count(settled postgres.Settlement) {
	outcomes := map[string]int{}
	for i := range settled.Decided {
		outcomes[outcomeOf(settled.Decided[i])]++
		metrics.ClaimWait.Observe(settled.Now.Sub(settled.Decided[i].CreatedAt).Seconds())
	}
	for outcome, n := range outcomes {
		metrics.ClaimsDecided.WithLabelValues(outcome).Add(float64(n))
	}
}

// trace goes on with the traces that claims were accepted in, and writes a line
// for each of these claims.
func (d *Drainer) trace(ctx context.Context, start time.Time, settled postgres.Settlement) {
	if !tracing.On() {
		return
	}
	jobs := make([]uuid.UUID, len(settled.Decided))
	for i := range settled.Decided {
		jobs[i] = settled.Decided[i].JobID
	}
	traces, err := d.store.Traces(ctx, jobs)
	if err != nil {
		slog.WarnContext(ctx, "traces not found", "book_id", settled.BookID, "error", err)
	}
	for _, decision := range settled.Decided {
		trace := traces[decision.JobID]
		if trace == "" {
			continue
		}
		own, span := tracing.StartAt(tracing.Under(ctx, trace), start, "decide claim", "job.id", decision.JobID.String(),
			"book.id", settled.BookID.String(), "claim.outcome", outcomeOf(decision), "group.claims", strconv.Itoa(len(jobs)))
		span.Link(ctx)
		span.Close(nil)
		slog.InfoContext(own, "claim", "job_id", decision.JobID, "book_id", settled.BookID, "outcome", outcomeOf(decision),
			"waited_ms", settled.Now.Sub(decision.CreatedAt).Milliseconds(), "group", len(jobs), "trace_id", tracing.ID(own))
	}
}

func outcomeOf(d coupon.Decision) string {
	if d.Granted() {
		return "granted"
	}
	return d.Refusal.Code
}

// tell counts the outcomes and wakes who waits for them.
func (d *Drainer) tell(ctx context.Context, decided []coupon.Decision, done *Drained) {
	if len(decided) == 0 {
		return
	}
	jobs := make([]uuid.UUID, 0, len(decided))
	for i, decision := range decided {
		if i == 0 || !decision.Batch { // a batch is one job
			jobs = append(jobs, decision.JobID)
		}
		if decision.Granted() {
			done.Granted++
		} else {
			done.Refused++
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWait)
	defer cancel()
	if err := d.queue.PublishDone(ctx, jobs); err != nil {
		slog.WarnContext(ctx, "finished jobs not published", "jobs", len(jobs), "error", err)
	}
}

// tooLate refuses claims that have waited too long.
func tooLate(first coupon.Claim, group postgres.Group) *coupon.Error {
	if first.Expired(group.Book, group.Now) {
		return coupon.ErrClaimExpired
	}
	return nil
}

func firstOf(refusals ...*coupon.Error) *coupon.Error {
	for _, refusal := range refusals {
		if refusal != nil {
			return refusal
		}
	}
	return nil
}
