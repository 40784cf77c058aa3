package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

type myCouponsRequest struct {
	Paging
	State  coupon.State `query:"state" enum:"ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID" doc:"only those that are in it now"`
	BookID string       `query:"book_id" format:"uuid"`
}

type myCouponsResponse struct {
	Body struct {
		Data       []couponBody         `json:"data"`
		NextCursor *string              `json:"next_cursor" doc:"where the list goes on; null at its end"`
		Counts     map[coupon.State]int `json:"counts" doc:"all of the caller's coupons by state, of the book if one is given"`
	}
}

// myCoupons lists the caller's coupons: those he can use first, the one that
// ends soonest before the others.
func (a *API) myCoupons(ctx context.Context, in *myCouponsRequest) (*myCouponsResponse, error) {
	filter := coupon.HeldFilter{State: given(in.State)}
	if err := a.Cursors.read("my-coupons", in.Cursor, &filter.After); err != nil {
		return nil, err
	}
	var err error
	if filter.BookID, err = givenID("book_id", in.BookID); err != nil {
		return nil, err
	}
	held, counts, err := a.Till.HeldBy(ctx, principalOf(ctx), filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "my-coupons", held, in.Limit, newCouponBody, func(t coupon.Till) any { return coupon.PlaceOf(t) })
	out := &myCouponsResponse{}
	out.Body.Data, out.Body.NextCursor, out.Body.Counts = body.Data, body.NextCursor, counts
	return out, err
}

type bookCouponsRequest struct {
	ByID
	Paging
	State  coupon.State `query:"state" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID" doc:"only those that are in it; locks that run out and ends that pass show here within seconds"`
	Prefix string       `query:"prefix" maxLength:"100" doc:"how the code begins, in any spelling"`
	Batch  string       `query:"batch_id" format:"uuid" doc:"only those of this batch"`
}

type couponsResponse struct{ Body page[couponBody] }

// bookCoupons lists a book's coupons in the order of their codes.
func (a *API) bookCoupons(ctx context.Context, in *bookCouponsRequest) (*couponsResponse, error) {
	filter := coupon.StockFilter{State: given(in.State), Prefix: coupon.Normalise(in.Prefix)}
	var after idCursor
	if err := a.Cursors.read("book-coupons", in.Cursor, &after); err != nil {
		return nil, err
	}
	filter.After = after.Before
	var err error
	if filter.BatchID, err = givenID("batch_id", in.Batch); err != nil {
		return nil, err
	}
	tills, err := a.Service.CouponsIn(ctx, principalOf(ctx), in.ID, filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "book-coupons", tills, in.Limit, newCouponBody,
		func(t coupon.Till) any { return idCursor{&t.Coupon.ID} })
	return &couponsResponse{body}, err
}

type useBody struct {
	ID           uuid.UUID         `json:"id" doc:"of the redemption, or of the refused try"`
	Outcome      coupon.UseOutcome `json:"outcome" enum:"redeemed,rolled_back,refused"`
	CouponID     uuid.UUID         `json:"coupon_id"`
	Code         string            `json:"code"`
	UserID       *uuid.UUID        `json:"user_id" nullable:"true" doc:"who held the coupon"`
	ActorID      uuid.UUID         `json:"actor_id" doc:"who did it, or tried"`
	OrderRef     *string           `json:"order_ref"`
	Metadata     object            `json:"metadata,omitempty"`
	Action       *string           `json:"action" enum:"lock,redeem" doc:"what was refused"`
	Reason       *string           `json:"reason" doc:"why it was refused, an error's code; why it was rolled back, in words"`
	At           time.Time         `json:"at"`
	RolledBackAt *time.Time        `json:"rolled_back_at"`
}

func newUseBody(u coupon.Use) useBody {
	return useBody{
		u.ID, u.Outcome, u.CouponID, u.Code, u.UserID, u.ActorID, u.OrderRef, u.Metadata, u.Action, u.Reason, u.At, u.RolledBackAt,
	}
}

type bookRedemptionsRequest struct {
	ByID
	Paging
	Outcome coupon.UseOutcome `query:"outcome" enum:"redeemed,rolled_back,refused"`
}

type usesResponse struct{ Body page[useBody] }

// bookRedemptions lists the uses of a book's coupons and the tries that were
// refused, the newest first.
func (a *API) bookRedemptions(ctx context.Context, in *bookRedemptionsRequest) (*usesResponse, error) {
	var before idCursor
	if err := a.Cursors.read("redemptions", in.Cursor, &before); err != nil {
		return nil, err
	}
	uses, err := a.Service.Uses(ctx, principalOf(ctx), in.ID, coupon.UseFilter{Outcome: given(in.Outcome), Before: before.Before}, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "redemptions", uses, in.Limit, newUseBody, func(u coupon.Use) any { return idCursor{&u.ID} })
	return &usesResponse{body}, err
}

// given is a filter's value; nil: none was given.
func given[T comparable](value T) *T {
	var none T
	if value == none {
		return nil
	}
	return &value
}

// givenID is an id of a query; nil: none was given.
func givenID(name, text string) (*uuid.UUID, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none is a fine answer
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, coupon.InvalidInput(coupon.Field{Pointer: name, Detail: "must be a UUID"})
	}
	return &id, nil
}
