package service

import (
	"context"
	"slices"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Coupon returns a coupon as it stands at this instant, whether or not that
// has been written down.
func (t *Till) Coupon(ctx context.Context, p auth.Principal, ref postgres.CouponRef) (coupon.Till, error) {
	till, err := t.look(ctx, p, ref)
	return till.Settled().Expire(), err
}

// Validate returns a coupon with all reasons for which it could not be locked
// and redeemed now; none: it is valid. It writes nothing.
func (t *Till) Validate(ctx context.Context, p auth.Principal, ref postgres.CouponRef) (coupon.Till, []*coupon.Error, error) {
	till, err := t.look(ctx, p, ref)
	if err != nil {
		return till, nil, err
	}
	return till.Settled().Expire(), till.Problems(), nil
}

// Timeline returns what happened to a coupon, in order. Its holder sees it
// from the day it became his, and not who else had a hand in it.
func (t *Till) Timeline(ctx context.Context, p auth.Principal, ref postgres.CouponRef) ([]coupon.TimelineEvent, error) {
	till, err := t.look(ctx, p, ref)
	if err != nil {
		return nil, err
	}
	events, err := t.store.Timeline(ctx, till.Coupon.ID)
	if err != nil || p.Owns(till.Book.OwnerID) {
		return events, err
	}
	mine := 0
	for i := range events {
		if events[i].Type == coupon.CouponAssigned {
			mine = i
		}
		events[i].ActorID, events[i].UserID = nil, nil
	}
	return slices.Clone(events[mine:]), nil
}

func (t *Till) look(ctx context.Context, p auth.Principal, ref postgres.CouponRef) (coupon.Till, error) {
	till, err := t.store.ReadTill(ctx, ref)
	if err == nil {
		err = mayUse(p, till)
	}
	return till, asSeenBy(p, err)
}
