package coupon_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

// heldAt is a coupon that someone holds, with two uses, at noon.
func heldAt() coupon.Till {
	user, since := uuid.New(), noon.Add(-time.Hour)
	book := coupon.Book{Status: coupon.Active, TillRules: coupon.NewSettings("").TillRules}
	book.RollbackWindow = time.Hour
	return coupon.Till{
		Book: book, Now: noon,
		Coupon: coupon.Coupon{State: coupon.Assigned, UserID: &user, AssignedAt: &since, MaxRedemptions: 2, EventSeq: 1},
	}
}

func locked(t *testing.T, till coupon.Till, in coupon.LockRequest) coupon.Till {
	t.Helper()
	after, err := till.Lock(in)
	require.NoError(t, err)
	after.Steps = nil
	return after
}

// events are the types of a till's steps.
func events(till coupon.Till) (types []coupon.EventType) {
	for _, step := range till.Steps {
		types = append(types, step.Type)
	}
	return types
}

// What a coupon refuses, by its state and its book.
func TestTheTillRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change       func(*coupon.Till)
		lock, redeem *coupon.Error
	}{
		"nobody holds it":   {func(x *coupon.Till) { x.Coupon.State = coupon.Unassigned }, coupon.ErrCouponNotAssigned, coupon.ErrCouponNotAssigned},
		"void":              {func(x *coupon.Till) { x.Coupon.State = coupon.Void }, coupon.ErrCouponVoid, coupon.ErrCouponVoid},
		"used up":           {func(x *coupon.Till) { x.Coupon.State = coupon.Redeemed }, coupon.ErrAlreadyRedeemed, coupon.ErrAlreadyRedeemed},
		"expired":           {func(x *coupon.Till) { x.Coupon.State = coupon.Expired }, coupon.ErrCouponExpired, coupon.ErrCouponExpired},
		"its own end":       {func(x *coupon.Till) { x.Coupon.ExpiresAt = &noon }, coupon.ErrCouponExpired, coupon.ErrCouponExpired},
		"the book's end":    {func(x *coupon.Till) { x.Book.EndsAt = &noon }, coupon.ErrCouponExpired, coupon.ErrCouponExpired},
		"the earlier end":   {func(x *coupon.Till) { x.Book.EndsAt, x.Coupon.ExpiresAt = new(noon.Add(1)), &noon }, coupon.ErrCouponExpired, coupon.ErrCouponExpired},
		"not yet":           {func(x *coupon.Till) { x.Book.StartsAt = new(noon.Add(1)) }, coupon.ErrBookNotStarted, coupon.ErrBookNotStarted},
		"not yet, itself":   {func(x *coupon.Till) { x.Coupon.StartsAt = new(noon.Add(1)) }, coupon.ErrCouponNotStarted, coupon.ErrCouponNotStarted},
		"disabled":          {func(x *coupon.Till) { x.Coupon.DisabledAt = &noon }, coupon.ErrCouponDisabled, coupon.ErrCouponDisabled},
		"paused":            {func(x *coupon.Till) { x.Book.Status = coupon.Paused }, coupon.ErrBookNotActive, coupon.ErrBookNotActive},
		"the user's limit":  {func(x *coupon.Till) { x.Book.MaxRedemptionsPerUser, x.UserUses = new(3), 3 }, coupon.ErrRedemptionLimit, coupon.ErrRedemptionLimit},
		"a closed book":     {func(x *coupon.Till) { x.Book.Status = coupon.Closed }, nil, coupon.ErrLockRequired},
		"the last instant":  {func(x *coupon.Till) { x.Book.EndsAt = new(noon.Add(1)) }, nil, coupon.ErrLockRequired},
		"the first instant": {func(x *coupon.Till) { x.Book.StartsAt = &noon }, nil, coupon.ErrLockRequired},
		"no lock needed":    {func(x *coupon.Till) { x.Book.RequireLock = false }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			till := heldAt()
			c.change(&till)
			for _, try := range []struct {
				want *coupon.Error
				do   func() (coupon.Till, error)
			}{
				{c.lock, func() (coupon.Till, error) { return till.Lock(coupon.LockRequest{}) }},
				{c.redeem, func() (coupon.Till, error) { return till.Redeem(false, false) }},
			} {
				after, err := try.do()
				if try.want == nil {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, try.want)
				require.Empty(t, after.Steps, "a refusal changes nothing")
			}
		})
	}
}

// A disabled coupon is of no use to anybody until it is enabled; whoever holds
// it goes on holding it. A repeated request changes nothing.
func TestDisable(t *testing.T) {
	t.Parallel()
	free := heldAt()
	free.Coupon.State, free.Coupon.UserID, free.Coupon.AssignedAt = coupon.Unassigned, nil, nil
	for _, till := range []coupon.Till{free, heldAt(), locked(t, heldAt(), coupon.LockRequest{ID: uuid.New()})} {
		off, err := till.Disable("stolen")
		require.NoError(t, err)
		require.Equal(t, []coupon.Step{{Type: coupon.CouponDisabled, From: till.Coupon.State, To: till.Coupon.State, Reason: "stolen"}}, off.Steps)
		require.Equal(t, noon, *off.Coupon.DisabledAt)
		off.Steps = nil
		again, err := off.Disable("again")
		require.NoError(t, err)
		require.Equal(t, off, again)
		on, err := off.Enable("found")
		require.NoError(t, err)
		require.Equal(t, []coupon.EventType{coupon.CouponEnabled}, events(on))
		till.Coupon.EventSeq += 2
		require.Equal(t, till.Coupon, on.Coupon)
		on.Steps = nil
		again, err = on.Enable("again")
		require.NoError(t, err)
		require.Equal(t, on, again)
	}
	for state, refusal := range map[coupon.State]*coupon.Error{
		coupon.Void: coupon.ErrCouponVoid, coupon.Redeemed: coupon.ErrAlreadyRedeemed, coupon.Expired: coupon.ErrCouponExpired,
	} {
		till := heldAt()
		till.Coupon.State = state
		_, err := till.Disable("too late")
		require.ErrorIs(t, err, refusal)
		_, err = till.Enable("too late")
		require.ErrorIs(t, err, refusal)
	}
	off, err := heldAt().Disable("stolen")
	require.NoError(t, err)
	back, err := off.Revoke("given back")
	require.NoError(t, err)
	require.NotNil(t, back.Coupon.DisabledAt, "nobody gets it from the stock either")
}

// A lock is re-entered by its token, or by the same caller for the same order;
// that extends it, up to an hour in all. It ends at its instant.
func TestLocks(t *testing.T) {
	t.Parallel()
	ann, bob := uuid.New(), uuid.New()
	till := locked(t, heldAt(), coupon.LockRequest{ID: uuid.New(), By: ann, OrderRef: "A"})
	require.Equal(t, noon.Add(5*time.Minute), *till.Coupon.LockedUntil)
	for name, c := range map[string]struct {
		in   coupon.LockRequest
		mine bool
	}{
		"the token":                {coupon.LockRequest{By: bob, Proven: true}, true},
		"the same caller, order":   {coupon.LockRequest{By: ann, OrderRef: "A"}, true},
		"another order":            {coupon.LockRequest{By: ann, OrderRef: "B"}, false},
		"no order":                 {coupon.LockRequest{By: ann}, false},
		"another caller, my order": {coupon.LockRequest{By: bob, OrderRef: "A"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			later := till
			later.Now = noon.Add(time.Minute)
			after, err := later.Lock(c.in)
			if !c.mine {
				require.ErrorIs(t, err, coupon.ErrCouponLocked)
				refusal := &coupon.Error{}
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, 4*time.Minute, refusal.RetryAfter)
				return
			}
			require.NoError(t, err)
			require.Equal(t, till.Coupon.LockID, after.Coupon.LockID)
			require.Equal(t, noon.Add(6*time.Minute), *after.Coupon.LockedUntil)
			c.in.For = 2 * time.Hour
			after, err = later.Lock(c.in)
			require.NoError(t, err)
			require.Equal(t, noon.Add(coupon.MaxLock), *after.Coupon.LockedUntil)
		})
	}
	over := till
	over.Now = *till.Coupon.LockedUntil
	_, err := over.Redeem(true, true)
	require.ErrorIs(t, err, coupon.ErrLockRequired)
	over.Book.RequireLock = false
	_, err = over.Redeem(true, false)
	require.ErrorIs(t, err, coupon.ErrLockRequired, "who sends a token means that lock")
	after, err := over.Lock(coupon.LockRequest{ID: uuid.New(), By: bob})
	require.NoError(t, err)
	require.Equal(t, []coupon.EventType{coupon.CouponLockExpired, coupon.CouponLocked}, events(after))
}

// The window of a rollback includes its last instant.
func TestRollbackWindow(t *testing.T) {
	t.Parallel()
	till := heldAt()
	till.Coupon.State, till.Coupon.Redemptions = coupon.Redeemed, 2
	used := coupon.Redemption{RedeemedAt: noon.Add(-time.Hour)}
	after, err := till.RollBack(used, "sent back")
	require.NoError(t, err)
	require.Equal(t, coupon.Assigned, after.Coupon.State)
	require.Equal(t, 1, after.Coupon.Remaining())

	till.Now = noon.Add(1)
	_, err = till.RollBack(used, "")
	require.ErrorIs(t, err, coupon.ErrRollbackWindow)
	till.Book.RollbackWindow = 0
	_, err = till.RollBack(used, "")
	require.ErrorIs(t, err, coupon.ErrRollbackWindow)
	_, err = till.RollBack(coupon.Redemption{RolledBack: true}, "")
	require.ErrorIs(t, err, coupon.ErrAlreadyRolledBack)
}

// Void and expired coupons stay so when a use of theirs is rolled back.
func TestRollbackOfWhatIsOver(t *testing.T) {
	t.Parallel()
	for _, state := range []coupon.State{coupon.Void, coupon.Expired} {
		till := heldAt()
		till.Coupon.State, till.Coupon.Redemptions = state, 1
		after, err := till.RollBack(coupon.Redemption{RedeemedAt: noon}, "")
		require.NoError(t, err)
		require.Equal(t, state, after.Coupon.State)
		require.Zero(t, after.Coupon.Redemptions)
	}
}

// Whatever is tried in whatever order, a coupon only makes allowed steps, its
// uses stay within bounds, and a lock is there exactly while it is locked.
func TestTheTillKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		till := heldAt()
		till.Coupon.MaxRedemptions = rapid.IntRange(1, 3).Draw(t, "uses")
		till.Book.RequireLock = rapid.Bool().Draw(t, "require lock")
		if rapid.Bool().Draw(t, "ends") {
			till.Book.EndsAt = new(noon.Add(time.Hour))
		}
		tries := map[string]func() (coupon.Till, error){
			"lock": func() (coupon.Till, error) {
				return till.Lock(coupon.LockRequest{Proven: rapid.Bool().Draw(t, "proven")})
			},
			"unlock": func() (coupon.Till, error) { return till.Unlock(rapid.Bool().Draw(t, "proven"), "") },
			"redeem": func() (coupon.Till, error) {
				proven := rapid.Bool().Draw(t, "proven")
				return till.Redeem(proven, proven)
			},
			"void":   func() (coupon.Till, error) { return till.Void("") },
			"revoke": func() (coupon.Till, error) { return till.Revoke("") },
			"expire": func() (coupon.Till, error) { return till.Expire(), nil },
			"roll back": func() (coupon.Till, error) {
				if till.Coupon.Redemptions == 0 {
					return till, nil
				}
				return till.RollBack(coupon.Redemption{RedeemedAt: till.Now}, "")
			},
		}
		names := []string{"lock", "unlock", "redeem", "void", "revoke", "expire", "roll back"}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			till.Now = till.Now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			before := till
			after, err := tries[rapid.SampledFrom(names).Draw(t, "try")]()
			if err != nil {
				continue
			}
			till = after
			state := before.Coupon.State
			for _, step := range till.Steps {
				require.Equal(t, state, step.From)
				require.True(t, step.From == step.To || step.From.CanBecome(step.To))
				state = step.To
			}
			require.Equal(t, state, till.Coupon.State)
			require.Equal(t, before.Coupon.EventSeq+len(till.Steps), till.Coupon.EventSeq)
			require.Equal(t, state == coupon.Locked, till.Coupon.LockID != nil)
			switch state {
			case coupon.Unassigned:
				require.Nil(t, till.Coupon.UserID)
			case coupon.Assigned, coupon.Locked, coupon.Redeemed:
				require.NotNil(t, till.Coupon.UserID)
			case coupon.Void, coupon.Expired: // may have been held or not
			}
			require.GreaterOrEqual(t, till.Coupon.Redemptions, 0)
			require.Equal(t, state == coupon.Redeemed, till.Coupon.Remaining() == 0)
			till.Steps = nil
		}
	})
}

// What is answered does not depend on a sweeper: a coupon whose lock or whose
// time is over behaves as one of which that was written down.
func TestTheTillNeedsNoSweeper(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		till := heldAt()
		till.Coupon.Redemptions = rapid.IntRange(0, 1).Draw(t, "used")
		if rapid.Bool().Draw(t, "nobody's") {
			till.Coupon.State, till.Coupon.UserID, till.Coupon.AssignedAt, till.Coupon.Redemptions = coupon.Unassigned, nil, nil, 0
		} else if rapid.Bool().Draw(t, "locked") {
			held, err := till.Lock(coupon.LockRequest{ID: uuid.New(), For: 2 * time.Minute})
			require.NoError(t, err)
			till = held
		}
		if rapid.Bool().Draw(t, "ends") {
			till.Coupon.ExpiresAt = new(noon.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "end")) * time.Minute))
		}
		till.Now = noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "minutes")) * time.Minute)
		till.Steps = nil
		proven := rapid.Bool().Draw(t, "proven")
		op := rapid.SampledFrom([]func(coupon.Till) (coupon.Till, error){
			func(x coupon.Till) (coupon.Till, error) { return x.Lock(coupon.LockRequest{Proven: proven}) },
			func(x coupon.Till) (coupon.Till, error) { return x.Unlock(proven, "") },
			func(x coupon.Till) (coupon.Till, error) { return x.Redeem(proven, proven) },
			func(x coupon.Till) (coupon.Till, error) { return x.RollBack(coupon.Redemption{RedeemedAt: noon}, "") },
			func(x coupon.Till) (coupon.Till, error) { return x.Revoke("") },
			func(x coupon.Till) (coupon.Till, error) { return x.Void("") },
			func(x coupon.Till) (coupon.Till, error) { return x.Disable("") },
			func(x coupon.Till) (coupon.Till, error) { return x.Enable("") },
		}).Draw(t, "op")
		plain, plainErr := op(till)
		swept, sweptErr := op(till.Expire())
		require.Equal(t, sweptErr == nil, plainErr == nil, "%v, swept %v", plainErr, sweptErr)
		if plainErr != nil {
			require.ErrorIs(t, plainErr, sweptErr)
			return
		}
		require.Equal(t, swept.Expire().Coupon.State, plain.Expire().Coupon.State)
		require.Equal(t, swept.Coupon.Redemptions, plain.Coupon.Redemptions)
	})
}
