package service

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Till has the use cases of coupons that someone holds: look, lock, redeem,
// and the ways back. Each is one transaction; the rules are in package coupon.
type Till struct {
	store  *postgres.Store
	tokens auth.LockTokens
}

// NewTill makes a till.
func NewTill(store *postgres.Store, tokens auth.LockTokens) *Till { return &Till{store, tokens} }

// CouponRef names a coupon as a person or a server does: by id or by code.
func CouponRef(text string) postgres.CouponRef {
	if id, err := uuid.Parse(text); err == nil && len(text) == 36 {
		return postgres.CouponRef{ID: &id}
	}
	return postgres.CouponRef{Codes: coupon.Readings(coupon.Normalise(text))}
}

// LockInput asks to hold a coupon.
type LockInput struct {
	For      time.Duration // 0: as the book says
	OrderRef string
	Token    string // of the present lock, to extend it
	Once     Once
}

// Lock holds a coupon while a purchase is under way. The outcome has the token.
func (t *Till) Lock(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in LockInput) (Outcome, error) {
	out, err := t.change(ctx, request{by: p, ref: ref, once: in.Once, hold: holdCoupon, action: "lock", orderRef: in.OrderRef}, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		after, err := before.Lock(coupon.LockRequest{
			ID: uuid.Must(uuid.NewV7()), By: p.UserID, For: in.For, OrderRef: in.OrderRef,
			Proven: t.tokens.Proves(before.Coupon.LockID, in.Token),
		})
		return postgres.Change{After: after}, err
	})
	if err == nil {
		out.Token = t.tokens.Of(*out.Till.Coupon.LockID)
	}
	return out, err
}

// UnlockInput asks to let go of a coupon: its lock's owner with the token,
// staff with a reason.
type UnlockInput struct {
	Token  string
	Reason string
	Once   Once
}

// Unlock lets go of a coupon.
func (t *Till) Unlock(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in UnlockInput) (Outcome, error) {
	return t.change(ctx, request{by: p, ref: ref, once: in.Once, hold: holdCoupon}, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		proven := t.tokens.Proves(before.Coupon.LockID, in.Token)
		if in.Token == "" && p.Owns(before.Book.OwnerID) {
			if in.Reason == "" {
				return postgres.Change{}, coupon.InvalidInput(coupon.Field{Pointer: "/reason", Detail: "is needed without lock_token"})
			}
			proven = true
		}
		after, err := before.Unlock(proven, in.Reason)
		return postgres.Change{After: after}, err
	})
}

// RedeemInput asks to use a coupon.
type RedeemInput struct {
	Token    string
	OrderRef string          // the same order never redeems twice
	Metadata json.RawMessage // an object; nil: none
	Once     Once
}

// Redeem uses a coupon once. An order that has redeemed it before gets that
// redemption again.
func (t *Till) Redeem(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in RedeemInput) (Outcome, error) {
	if err := coupon.CheckObject("/metadata", in.Metadata); err != nil {
		return Outcome{}, err
	}
	again := false
	out, err := t.change(ctx, request{by: p, ref: ref, once: in.Once, hold: holdCoupon, action: "redeem", orderRef: in.OrderRef}, func(tx *postgres.Store, before coupon.Till) (change postgres.Change, err error) {
		if in.OrderRef != "" {
			earlier, err := tx.RedemptionOfOrder(ctx, before.Coupon.ID, in.OrderRef)
			if err == nil && earlier.RolledBack {
				err = coupon.ErrAlreadyRolledBack
			}
			if again = err == nil; again {
				return postgres.Change{After: before, Redemption: &earlier}, nil
			}
			if !errors.Is(err, coupon.ErrRedemptionNotFound) {
				return change, err
			}
		}
		if change.After, err = before.Redeem(in.Token != "", t.tokens.Proves(before.Coupon.LockID, in.Token)); err != nil {
			return change, err
		}
		made := newRedemption(before, p)
		made.Metadata = in.Metadata
		if in.OrderRef != "" {
			made.OrderRef = &in.OrderRef
		}
		change.Redemption = &made
		return change, nil
	})
	out.Replayed = out.Replayed || again
	return out, err
}

// ReasonInput asks for what needs a reason.
type ReasonInput struct {
	Reason string
	Once   Once
}

// RollBack gives the use of a redemption back, for the book's manager.
func (t *Till) RollBack(ctx context.Context, p auth.Principal, id uuid.UUID, in ReasonInput) (Outcome, error) {
	found, err := t.store.Redemption(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	var taken coupon.Redemption
	out, err := t.change(ctx, request{
		by: p, ref: postgres.CouponRef{ID: &found.CouponID}, once: in.Once, hold: holdCoupon, deed: deed{coupon.RollBackAction, in.Reason},
	},
		func(tx *postgres.Store, before coupon.Till) (change postgres.Change, err error) {
			if !p.Owns(before.Book.OwnerID) {
				return change, coupon.ErrRedemptionNotFound
			}
			// Read again: somebody may have taken it back before we held the coupon.
			if taken, err = tx.Redemption(ctx, id); err != nil {
				return change, err
			}
			if change.After, err = before.RollBack(taken, in.Reason); err != nil {
				return change, err
			}
			back := newRedemption(before, p)
			back.UserID, back.RollsBack, back.Reason = taken.UserID, &id, &in.Reason
			change.Redemption = &back
			return change, nil
		})
	if errors.Is(err, coupon.ErrCouponUnavailable) {
		err = coupon.ErrRedemptionNotFound
	}
	if err == nil { // the answer is about the redemption, not about the row that takes it back
		found.RolledBack = true
		out.Redemption = &found
	}
	return out, err
}

func newRedemption(t coupon.Till, p auth.Principal) coupon.Redemption {
	return coupon.Redemption{
		ID: uuid.Must(uuid.NewV7()), CouponID: t.Coupon.ID, BookID: t.Coupon.BookID, UserID: *t.Coupon.UserID,
		ActorID: p.UserID, RedeemedAt: t.Now,
	}
}

// StaffChange is what the book's manager does to one coupon, with a reason.
type StaffChange func(context.Context, auth.Principal, postgres.CouponRef, ReasonInput) (Outcome, error)

// Revoke takes a coupon from its holder, for the book's manager; it can be
// claimed again.
func (t *Till) Revoke(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in ReasonInput) (Outcome, error) {
	return t.staffChange(ctx, p, ref, in, coupon.CouponRevoke, func(before coupon.Till) (coupon.Till, error) { return before.Revoke(in.Reason) })
}

// Void kills a coupon for good, for the book's manager.
func (t *Till) Void(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in ReasonInput) (Outcome, error) {
	return t.staffChange(ctx, p, ref, in, coupon.CouponVoid, func(before coupon.Till) (coupon.Till, error) { return before.Void(in.Reason) })
}

// Disable keeps a coupon from being given out and used, for the book's manager.
func (t *Till) Disable(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in ReasonInput) (Outcome, error) {
	return t.staffChange(ctx, p, ref, in, coupon.CouponDisable, func(before coupon.Till) (coupon.Till, error) { return before.Disable(in.Reason) })
}

// Enable ends Disable.
func (t *Till) Enable(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in ReasonInput) (Outcome, error) {
	return t.staffChange(ctx, p, ref, in, coupon.CouponEnable, func(before coupon.Till) (coupon.Till, error) { return before.Enable(in.Reason) })
}

// staffChange is for the book's manager, and may touch the stock.
func (t *Till) staffChange(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in ReasonInput, action coupon.Action,
	rule func(coupon.Till) (coupon.Till, error),
) (Outcome, error) {
	rank, err := coupon.NewGenerator().DrawRank()
	if err != nil {
		return Outcome{}, err
	}
	r := request{by: p, ref: ref, once: in.Once, hold: (*postgres.Store).HoldTillAndStock, deed: deed{action, in.Reason}}
	return t.change(ctx, r, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		if !p.Owns(before.Book.OwnerID) {
			return postgres.Change{}, coupon.ErrForbidden
		}
		after, err := rule(before)
		return postgres.Change{After: after, DrawRank: rank}, err
	})
}
