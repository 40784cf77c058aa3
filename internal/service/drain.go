package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/mutex"
	"couponbook/internal/postgres"
)

const (
	mostDrained = 500 // claims a transaction decides
	drainTries  = 3   // of a group that met a deadlock or a lost connection
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
	d.tell(ctx, settled.Decided, done)
	count(settled, start)
	d.trace(ctx, start, settled)
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
