package service

import (
	"context"
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
	return postgres.CouponRef{Code: coupon.Normalise(text)}
}

// LockInput asks to hold a coupon.
type LockInput struct {
	For      time.Duration // 0: as the book says
	OrderRef string
	Token    string // of the present lock, to extend it
}

// Lock is a lock that the caller holds.
type Lock struct {
	Till  coupon.Till
	Token string
}

// Lock holds a coupon while a purchase is under way.
func (t *Till) Lock(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in LockInput) (Lock, error) {
	after, err := t.change(ctx, p, ref, (*postgres.Store).HoldTill, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		after, err := before.Lock(coupon.LockRequest{
			ID: uuid.Must(uuid.NewV7()), By: p.UserID, For: in.For, OrderRef: in.OrderRef,
			Proven: t.tokens.Proves(before.Coupon.LockID, in.Token),
		})
		return postgres.Change{After: after}, err
	})
	if err != nil {
		return Lock{}, err
	}
	return Lock{after, t.tokens.Of(*after.Coupon.LockID)}, nil
}

// Unlock lets go of a coupon: its lock's owner with the token, staff with a reason.
func (t *Till) Unlock(ctx context.Context, p auth.Principal, ref postgres.CouponRef, token, reason string) (coupon.Till, error) {
	return t.change(ctx, p, ref, (*postgres.Store).HoldTill, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		proven := t.tokens.Proves(before.Coupon.LockID, token)
		if token == "" && p.Owns(before.Book.OwnerID) {
			if reason == "" {
				return postgres.Change{}, coupon.InvalidInput(coupon.Field{Pointer: "/reason", Detail: "is needed without lock_token"})
			}
			proven = true
		}
		after, err := before.Unlock(proven, reason)
		return postgres.Change{After: after}, err
	})
}

// RedeemInput asks to use a coupon.
type RedeemInput struct {
	Token    string
	OrderRef string // the same order never redeems twice
	Metadata []byte // JSON
}

// Redeemed is a redemption, and the coupon after it. Replayed means that the
// order had redeemed it before.
type Redeemed struct {
	Till       coupon.Till
	Redemption coupon.Redemption
	Replayed   bool
}

// Redeem uses a coupon once.
func (t *Till) Redeem(ctx context.Context, p auth.Principal, ref postgres.CouponRef, in RedeemInput) (Redeemed, error) {
	var out Redeemed
	after, err := t.change(ctx, p, ref, (*postgres.Store).HoldTill, func(tx *postgres.Store, before coupon.Till) (change postgres.Change, err error) {
		if in.OrderRef != "" {
			out.Redemption, err = tx.RedemptionOfOrder(ctx, before.Coupon.ID, in.OrderRef)
			if err == nil && out.Redemption.RolledBack {
				err = coupon.ErrAlreadyRolledBack
			}
			if out.Replayed = err == nil; out.Replayed {
				return postgres.Change{After: before}, nil
			}
			if !errors.Is(err, coupon.ErrRedemptionNotFound) {
				return change, err
			}
		}
		change.After, err = before.Redeem(in.Token != "", t.tokens.Proves(before.Coupon.LockID, in.Token))
		if err != nil {
			return change, err
		}
		out.Redemption = newRedemption(before, p)
		out.Redemption.Metadata = in.Metadata
		if in.OrderRef != "" {
			out.Redemption.OrderRef = &in.OrderRef
		}
		change.Redemption = &out.Redemption
		return change, nil
	})
	out.Till = after
	return out, err
}

// RollBack gives the use of a redemption back, for the book's manager.
func (t *Till) RollBack(ctx context.Context, p auth.Principal, id uuid.UUID, reason string) (Redeemed, error) {
	var out Redeemed
	found, err := t.store.Redemption(ctx, id)
	if err != nil {
		return out, err
	}
	out.Till, err = t.change(ctx, p, postgres.CouponRef{ID: &found.CouponID}, (*postgres.Store).HoldTill,
		func(tx *postgres.Store, before coupon.Till) (change postgres.Change, err error) {
			if !p.Owns(before.Book.OwnerID) {
				return change, coupon.ErrRedemptionNotFound
			}
			// Read again: somebody may have taken it back before we held the coupon.
			if out.Redemption, err = tx.Redemption(ctx, id); err != nil {
				return change, err
			}
			if change.After, err = before.RollBack(out.Redemption, reason); err != nil {
				return change, err
			}
			back := newRedemption(before, p)
			back.UserID, back.RollsBack, back.Reason = out.Redemption.UserID, &id, &reason
			change.Redemption = &back
			out.Redemption.RolledBack = true
			return change, nil
		})
	if errors.Is(err, coupon.ErrCouponUnavailable) {
		err = coupon.ErrRedemptionNotFound
	}
	return out, err
}

func newRedemption(t coupon.Till, p auth.Principal) coupon.Redemption {
	return coupon.Redemption{
		ID: uuid.Must(uuid.NewV7()), CouponID: t.Coupon.ID, BookID: t.Coupon.BookID, UserID: *t.Coupon.UserID,
		ActorID: p.UserID, RedeemedAt: t.Now,
	}
}

// Revoke takes a coupon from its holder, for the book's manager; it can be
// claimed again.
func (t *Till) Revoke(ctx context.Context, p auth.Principal, ref postgres.CouponRef, reason string) (coupon.Till, error) {
	return t.staffChange(ctx, p, ref, func(before coupon.Till) (coupon.Till, error) { return before.Revoke(reason) })
}

// Void kills a coupon for good, for the book's manager.
func (t *Till) Void(ctx context.Context, p auth.Principal, ref postgres.CouponRef, reason string) (coupon.Till, error) {
	return t.staffChange(ctx, p, ref, func(before coupon.Till) (coupon.Till, error) { return before.Void(reason) })
}

// staffChange is for the book's manager, and may touch the stock.
func (t *Till) staffChange(ctx context.Context, p auth.Principal, ref postgres.CouponRef,
	rule func(coupon.Till) (coupon.Till, error),
) (coupon.Till, error) {
	rank, err := coupon.NewGenerator().DrawRank()
	if err != nil {
		return coupon.Till{}, err
	}
	return t.change(ctx, p, ref, (*postgres.Store).HoldTillAndStock, func(_ *postgres.Store, before coupon.Till) (postgres.Change, error) {
		if !p.Owns(before.Book.OwnerID) {
			return postgres.Change{}, coupon.ErrForbidden
		}
		after, err := rule(before)
		return postgres.Change{After: after, DrawRank: rank}, err
	})
}

// change holds a coupon, lets decide say what becomes of it, and writes that.
func (t *Till) change(ctx context.Context, p auth.Principal, ref postgres.CouponRef,
	hold func(*postgres.Store, context.Context, postgres.CouponRef) (coupon.Till, error),
	decide func(tx *postgres.Store, before coupon.Till) (postgres.Change, error),
) (after coupon.Till, err error) {
	err = t.store.InTx(ctx, func(tx *postgres.Store) error {
		before, err := hold(tx, ctx, ref)
		if err != nil {
			return err
		}
		if err = mayUse(p, before); err != nil {
			return err
		}
		change, err := decide(tx, before)
		if err != nil {
			return err
		}
		after = change.After
		change.Before, change.ActorID = before, &p.UserID
		return tx.SaveTill(ctx, change)
	})
	return after, asSeenBy(p, err)
}

// mayUse: the holder, and the book's manager or his servers on anyone's behalf.
func mayUse(p auth.Principal, t coupon.Till) error {
	if p.Owns(t.Book.OwnerID) || t.Coupon.UserID != nil && *t.Coupon.UserID == p.UserID {
		return nil
	}
	return coupon.ErrCouponUnavailable
}

// asSeenBy makes an unknown coupon look like somebody else's, so that nobody
// can find out which codes exist.
func asSeenBy(p auth.Principal, err error) error {
	if errors.Is(err, coupon.ErrCouponNotFound) && p.Role != coupon.Admin {
		return coupon.ErrCouponUnavailable
	}
	return err
}
