package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type heldCouponBody struct {
	ID         uuid.UUID    `json:"id"`
	BookID     uuid.UUID    `json:"book_id"`
	BookName   string       `json:"book_name"`
	Code       string       `json:"code"`
	State      coupon.State `json:"state" enum:"ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID"`
	AssignedAt time.Time    `json:"assigned_at"`
	ExpiresAt  *time.Time   `json:"expires_at"`
}

func newHeldCouponBody(c coupon.HeldCoupon) heldCouponBody { return heldCouponBody(c) }

type couponCursor struct {
	AssignedAt *time.Time `json:"t,omitempty"`
	ID         *uuid.UUID `json:"i,omitempty"`
}

type myCouponsRequest struct{ Paging }

type heldCouponsResponse struct{ Body page[heldCouponBody] }

// myCoupons lists the caller's coupons, the newest first.
func (a *API) myCoupons(ctx context.Context, in *myCouponsRequest) (*heldCouponsResponse, error) {
	var after couponCursor
	if err := a.Cursors.read("coupons", in.Cursor, &after); err != nil {
		return nil, err
	}
	held, err := a.Service.MyCoupons(ctx, principalOf(ctx), service.CouponsPage(after), in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "coupons", held, in.Limit, newHeldCouponBody,
		func(c coupon.HeldCoupon) any { return couponCursor{&c.AssignedAt, &c.ID} })
	return &heldCouponsResponse{body}, err
}
