package service

import (
	"context"
	"slices"

	"github.com/google/uuid"

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

// HeldBy lists a user's own coupons, and counts them by state.
func (t *Till) HeldBy(ctx context.Context, p auth.Principal, f coupon.HeldFilter, limit int) ([]coupon.Till, map[coupon.State]int, error) {
	tills, err := t.store.CouponsOf(ctx, p.UserID, f, limit)
	if err != nil {
		return nil, nil, err
	}
	for i := range tills {
		tills[i] = forHolder(tills[i])
	}
	counts, err := t.store.CountCouponsOf(ctx, p.UserID, f.BookID)
	return atPresent(tills), counts, err
}

// CouponsIn lists a book's coupons in the order of their codes, for its manager.
func (s *Service) CouponsIn(ctx context.Context, p auth.Principal, bookID uuid.UUID, f coupon.StockFilter, limit int) ([]coupon.Till, error) {
	if _, err := s.ownBook(ctx, p, bookID); err != nil {
		return nil, err
	}
	tills, err := s.store.CouponsIn(ctx, bookID, f, limit)
	return atPresent(tills), err
}

// Uses lists the uses of a book's coupons, and the tries that were refused,
// for its manager.
func (s *Service) Uses(ctx context.Context, p auth.Principal, bookID uuid.UUID, f coupon.UseFilter, limit int) ([]coupon.Use, error) {
	if _, err := s.ownBook(ctx, p, bookID); err != nil {
		return nil, err
	}
	return s.store.Uses(ctx, bookID, f, limit)
}

// Sale returns a book as the caller sees it who may claim from it.
func (s *Service) Sale(ctx context.Context, p auth.Principal, bookID uuid.UUID) (coupon.Sale, error) {
	return s.store.Sale(ctx, bookID, p.UserID)
}

// Sales lists the open and the coming sales.
func (s *Service) Sales(ctx context.Context, p auth.Principal, after coupon.SalePlace, limit int) ([]coupon.Sale, error) {
	return s.store.Sales(ctx, p.UserID, after, limit)
}

// atPresent shows coupons as they stand, whether or not that has been written down.
func atPresent(tills []coupon.Till) []coupon.Till {
	for i := range tills {
		tills[i] = tills[i].Settled().Expire()
	}
	return tills
}

func (t *Till) look(ctx context.Context, p auth.Principal, ref postgres.CouponRef) (coupon.Till, error) {
	till, err := t.store.ReadTill(ctx, ref)
	if err == nil {
		err = mayUse(p, till)
	}
	return shownTo(p, till), asSeenBy(p, err)
}

// shownTo leaves out what only the book's manager may see.
func shownTo(p auth.Principal, t coupon.Till) coupon.Till {
	if p.Owns(t.Book.OwnerID) {
		return t
	}
	return forHolder(t)
}

func forHolder(t coupon.Till) coupon.Till {
	t.Coupon.BatchID, t.Coupon.Metadata = nil, nil
	return t
}
