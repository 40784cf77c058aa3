package service

import (
	"context"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// chosen finds the coupon that an assign names, and its book. Only the book's
// manager may choose.
func (c *Claims) chosen(ctx context.Context, p auth.Principal, ref postgres.CouponRef) (book, id uuid.UUID, err error) {
	till, err := c.store.ReadTill(ctx, ref)
	if err == nil && !p.Owns(till.Book.OwnerID) {
		err = coupon.ErrCouponUnavailable
	}
	return till.Book.ID, till.Coupon.ID, asSeenBy(p, err)
}
