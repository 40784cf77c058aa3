package coupon

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// MaxLock is how long one lock can hold a coupon, extensions included.
const MaxLock = time.Hour

// Till is a coupon at the till, with what its rules look at: its book, the
// instant by the database's clock, and how often the holder has redeemed in
// this book. Its methods are the rules. Each returns the till as it becomes,
// with the steps that led there; a refusal changes nothing.
type Till struct {
	Coupon   Coupon
	Book     Book
	UserUses int
	Now      time.Time
	Steps    []Step
}

// Step is one change of the coupon, to be told as an event.
type Step struct {
	Type     EventType
	From, To State
	Reason   string
}

// Settled ends a lock whose time is over, as if a sweeper had come by.
func (t Till) Settled() Till {
	if t.Coupon.State == Locked && !t.Now.Before(*t.Coupon.LockedUntil) {
		t.step(CouponLockExpired, Assigned, "")
		t.dropLock()
	}
	return t
}

// EndsAt is the instant from which the coupon is worth nothing; nil: never.
func (t Till) EndsAt() *time.Time {
	own, book := t.Coupon.ExpiresAt, t.Book.EndsAt
	if own == nil || book != nil && book.Before(*own) {
		return book
	}
	return own
}

// ended reports whether the coupon's time is over, written down or not.
func (t Till) ended() bool {
	ends := t.EndsAt()
	return ends != nil && !t.Now.Before(*ends)
}

// usable tells why nobody can do anything with the coupon any more, or nil.
func (t Till) usable() error {
	switch {
	case t.Coupon.State == Void:
		return ErrCouponVoid
	case t.Coupon.State == Redeemed:
		return ErrAlreadyRedeemed
	case t.Coupon.State == Expired, t.ended():
		return ErrCouponExpired
	case t.Coupon.State == Unassigned:
		return ErrCouponNotAssigned
	}
	return nil
}

// over tells why the coupon is worth nothing any more, whoever has it, or nil.
func (t Till) over() error {
	if err := t.usable(); !errors.Is(err, ErrCouponNotAssigned) {
		return err
	}
	return nil
}

// open tells why nobody can use the coupon at present, or nil. A closed book
// gives out no more, but what it gave is good until it ends.
func (t Till) open() error {
	switch {
	case t.Book.Status == Draft || t.Book.Status == Paused:
		return ErrBookNotActive.With("The book is %s: its coupons cannot be used until its owner activates it.", t.Book.Status)
	case t.Book.StartsAt != nil && t.Now.Before(*t.Book.StartsAt):
		return ErrBookNotStarted.With("The coupon can be used from %s on; it is %s now.",
			t.Book.StartsAt.UTC().Format(time.RFC3339), t.Now.UTC().Format(time.RFC3339))
	case t.Coupon.StartsAt != nil && t.Now.Before(*t.Coupon.StartsAt):
		return ErrCouponNotStarted.With("The coupon can be used from %s on; it is %s now.",
			t.Coupon.StartsAt.UTC().Format(time.RFC3339), t.Now.UTC().Format(time.RFC3339))
	case t.Coupon.DisabledAt != nil:
		return ErrCouponDisabled
	}
	return nil
}

// limited tells that the holder has redeemed as often as one user may, or nil.
func (t Till) limited() error {
	if most := t.Book.MaxRedemptionsPerUser; most != nil && t.UserUses >= *most {
		return ErrRedemptionLimit
	}
	return nil
}

// heldBy refuses everyone who has not proven to be the holder of the lock.
func (t Till) heldBy(proven bool) error {
	if t.Coupon.State != Locked || proven {
		return nil
	}
	refusal := ErrCouponLocked.With("The coupon is locked until %s: wait, or send its lock_token.",
		t.Coupon.LockedUntil.UTC().Format(time.RFC3339))
	refusal.RetryAfter = t.Coupon.LockedUntil.Sub(t.Now)
	return refusal
}

// Problems are all reasons for which the coupon could not be locked now and
// redeemed then. None: it is valid.
func (t Till) Problems() []*Error {
	t = t.Settled()
	var found []*Error
	for _, err := range []error{t.usable(), t.open(), t.limited(), t.heldBy(false)} {
		if problem, ok := errors.AsType[*Error](err); ok {
			found = append(found, problem)
		}
	}
	return found
}

// LockRequest asks to hold a coupon while a purchase is under way.
type LockRequest struct {
	ID       uuid.UUID // of the new lock
	By       uuid.UUID
	For      time.Duration // 0: as long as the book says
	OrderRef string
	Proven   bool // the caller has the token of the present lock
}

// Lock holds the coupon for a while. Whoever holds it already, by token or as
// the same caller with the same order, gets the same lock, extended.
func (t Till) Lock(in LockRequest) (Till, error) {
	t = t.Settled()
	if err := firstError(t.usable(), t.open(), t.limited()); err != nil {
		return t, err
	}
	if in.For == 0 {
		in.For = t.Book.LockFor
	}
	c := &t.Coupon
	if c.State == Locked {
		mine := c.LockOrderRef != nil && *c.LockOrderRef == in.OrderRef && *c.LockedBy == in.By
		if err := t.heldBy(in.Proven || mine); err != nil {
			return t, err
		}
		if until := earliest(t.Now.Add(in.For), c.LockedAt.Add(MaxLock)); until.After(*c.LockedUntil) {
			t.tell(CouponLockExtended, "")
			c.LockedUntil = &until
		}
		return t, nil
	}
	t.step(CouponLocked, Locked, "")
	now, until := t.Now, t.Now.Add(in.For)
	c.LockID, c.LockedBy, c.LockedAt, c.LockedUntil = &in.ID, &in.By, &now, &until
	if in.OrderRef != "" {
		c.LockOrderRef = &in.OrderRef
	}
	return t, nil
}

// Unlock lets go of the coupon. Staff need no token, but give a reason. A
// coupon that is not locked, or that has ended with its lock, stays as it is,
// so that a repeated request does no harm.
func (t Till) Unlock(proven bool, reason string) (Till, error) {
	t = t.Settled()
	if t.Coupon.State != Locked || t.ended() {
		return t, nil
	}
	if err := t.heldBy(proven); err != nil {
		return t, err
	}
	t.step(CouponUnlocked, Assigned, reason)
	t.dropLock()
	return t, nil
}

// Redeem uses the coupon once. asked says that the caller sent a token, proven
// that it is the one of the present lock.
func (t Till) Redeem(asked, proven bool) (Till, error) {
	t = t.Settled()
	if err := firstError(t.usable(), t.open(), t.limited(), t.heldBy(proven)); err != nil {
		return t, err
	}
	if t.Coupon.State == Assigned && (asked || t.Book.RequireLock) {
		return t, ErrLockRequired
	}
	t.Coupon.Redemptions++
	t.UserUses++
	to := Assigned
	if t.Coupon.Remaining() == 0 {
		to = Redeemed
	}
	if t.Coupon.State == to { // more uses left, and no lock to leave
		t.tell(CouponRedeemed, "")
	} else {
		t.step(CouponRedeemed, to, "")
	}
	t.dropLock()
	return t, nil
}

// RollBack gives the use of a redemption back, within the book's window. A
// coupon that has ended meanwhile stays so.
func (t Till) RollBack(r Redemption, reason string) (Till, error) {
	t = t.Settled()
	switch {
	case r.RolledBack:
		return t, ErrAlreadyRolledBack
	case t.Book.RollbackWindow == 0:
		return t, ErrRollbackWindow.With("The book does not allow to roll redemptions back.")
	case t.Now.After(r.RedeemedAt.Add(t.Book.RollbackWindow)):
		return t, ErrRollbackWindow
	}
	t.Coupon.Redemptions--
	t.UserUses--
	if t.Coupon.State == Redeemed {
		t.step(CouponRolledBack, Assigned, reason)
	} else {
		t.tell(CouponRolledBack, reason)
	}
	return t, nil
}

// Revoke takes the coupon from its holder and puts it back into the stock.
func (t Till) Revoke(reason string) (Till, error) {
	t = t.Settled()
	if err := firstError(t.usable(), t.heldBy(false)); err != nil {
		return t, err
	}
	if t.Coupon.Redemptions > 0 {
		return t, ErrCouponUsed
	}
	t.step(CouponRevoked, Unassigned, reason)
	t.Coupon.UserID, t.Coupon.AssignedAt, t.Coupon.ExpiresAt = nil, nil, t.Coupon.EndsAt
	return t, nil
}

// Void kills the coupon for good, locked or not. Once void it stays so.
func (t Till) Void(reason string) (Till, error) {
	t = t.Settled()
	if t.Coupon.State == Void {
		return t, nil
	}
	if err := t.over(); err != nil {
		return t, err
	}
	t.step(CouponVoided, Void, reason)
	t.dropLock()
	return t, nil
}

// Disable keeps the coupon from being given out and used until it is enabled.
// Who holds it, or a lock on it, goes on holding.
func (t Till) Disable(reason string) (Till, error) {
	t = t.Settled()
	if err := t.over(); err != nil || t.Coupon.DisabledAt != nil {
		return t, err
	}
	t.tell(CouponDisabled, reason)
	now := t.Now
	t.Coupon.DisabledAt = &now
	return t, nil
}

// Enable ends Disable.
func (t Till) Enable(reason string) (Till, error) {
	t = t.Settled()
	if err := t.over(); err != nil || t.Coupon.DisabledAt == nil {
		return t, err
	}
	t.tell(CouponEnabled, reason)
	t.Coupon.DisabledAt = nil
	return t, nil
}

// Expire writes down that the coupon's time is over; before that, and where it
// has ended in another way, it does nothing.
func (t Till) Expire() Till {
	t = t.Settled()
	if !t.ended() || !t.Coupon.State.CanBecome(Expired) {
		return t
	}
	t.step(CouponExpired, Expired, "")
	t.dropLock()
	return t
}

func (t *Till) step(event EventType, to State, reason string) {
	if !t.Coupon.State.CanBecome(to) {
		panic("a coupon cannot go from " + t.Coupon.State + " to " + to) // a defect of the rules above
	}
	t.Steps = append(t.Steps, Step{event, t.Coupon.State, to, reason})
	t.Coupon.State = to
	t.Coupon.EventSeq++
}

// tell records what happened without a change of state.
func (t *Till) tell(event EventType, reason string) {
	t.Steps = append(t.Steps, Step{event, t.Coupon.State, t.Coupon.State, reason})
	t.Coupon.EventSeq++
}

func (t *Till) dropLock() {
	c := &t.Coupon
	c.LockID, c.LockedBy, c.LockedAt, c.LockedUntil, c.LockOrderRef = nil, nil, nil, nil, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
