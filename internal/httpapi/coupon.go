package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// ByCoupon names a coupon in the path. Our own clients use the id: a code in a
// path ends up in other people's logs.
type ByCoupon struct {
	Coupon string `path:"coupon" maxLength:"200" doc:"the coupon's id, or its code in any spelling"`
}

type couponBody struct {
	ID             uuid.UUID    `json:"id"`
	BookID         uuid.UUID    `json:"book_id"`
	BookName       string       `json:"book_name"`
	BatchID        *uuid.UUID   `json:"batch_id" nullable:"true" doc:"how its code came; for the book's manager"`
	Code           string       `json:"code"`
	State          coupon.State `json:"state" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID"`
	UserID         *uuid.UUID   `json:"user_id" nullable:"true" doc:"who holds or held it"`
	AssignedAt     *time.Time   `json:"assigned_at"`
	StartsAt       *time.Time   `json:"starts_at" doc:"cannot be used before; its book may start later"`
	ExpiresAt      *time.Time   `json:"expires_at" doc:"worth nothing from this instant on"`
	LockedUntil    *time.Time   `json:"locked_until"`
	MaxRedemptions int          `json:"max_redemptions"`
	Remaining      int          `json:"remaining" doc:"uses left"`
	DisabledAt     *time.Time   `json:"disabled_at" doc:"not given out and of no use since then, until it is enabled"`
	Benefit        object       `json:"benefit" nullable:"true" doc:"what it is worth, as its book says"`
	Metadata       object       `json:"metadata" nullable:"true" doc:"the code's own; for the book's manager"`
	Now            time.Time    `json:"now" doc:"the server's clock, for countdowns"`
}

func newCouponBody(t coupon.Till) couponBody {
	c := t.Coupon
	return couponBody{
		c.ID, c.BookID, t.Book.Name, c.BatchID, c.Code, c.State, c.UserID, c.AssignedAt, c.StartsAt, t.EndsAt(), c.LockedUntil,
		c.MaxRedemptions, c.Remaining(), c.DisabledAt, object(t.Book.Benefit), object(c.Metadata), t.Now,
	}
}

// getCoupon reads a coupon as it stands now.
func (a *API) getCoupon(ctx context.Context, in *ByCoupon) (*couponResponse, error) {
	till, err := a.Till.Coupon(ctx, principalOf(ctx), service.CouponRef(in.Coupon))
	return answerCoupon(service.Outcome{Till: till}, err)
}

type couponProblemBody struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

type validateResponse struct {
	Body struct {
		Valid    bool                `json:"valid" doc:"it can be locked and redeemed now"`
		Problems []couponProblemBody `json:"problems" doc:"all reasons why not"`
		Coupon   couponBody          `json:"coupon"`
	}
}

// validateCoupon names every reason at once, and changes nothing.
func (a *API) validateCoupon(ctx context.Context, in *ByCoupon) (*validateResponse, error) {
	till, problems, err := a.Till.Validate(ctx, principalOf(ctx), service.CouponRef(in.Coupon))
	if err != nil {
		return nil, err
	}
	out := &validateResponse{}
	out.Body.Valid, out.Body.Problems, out.Body.Coupon = len(problems) == 0, []couponProblemBody{}, newCouponBody(till)
	for _, problem := range problems {
		out.Body.Problems = append(out.Body.Problems, couponProblemBody{problem.Code, problem.Message})
	}
	return out, nil
}

type timelineBody struct {
	Seq     int              `json:"seq" doc:"1, 2, 3, … without a gap"`
	Type    coupon.EventType `json:"type"`
	At      time.Time        `json:"at"`
	UserID  *uuid.UUID       `json:"user_id" nullable:"true" doc:"who held it; for the book's manager"`
	ActorID *uuid.UUID       `json:"actor_id" nullable:"true" doc:"who did it; for the book's manager"`
	Data    json.RawMessage  `json:"data,omitempty"`
}

type timelineResponse struct {
	Body struct {
		Data []timelineBody `json:"data"`
	}
}

// timeline tells a coupon's life.
func (a *API) timeline(ctx context.Context, in *ByCoupon) (*timelineResponse, error) {
	events, err := a.Till.Timeline(ctx, principalOf(ctx), service.CouponRef(in.Coupon))
	if err != nil {
		return nil, err
	}
	out := &timelineResponse{}
	out.Body.Data = make([]timelineBody, len(events))
	for i, e := range events {
		out.Body.Data[i] = timelineBody{e.Seq, e.Type, e.CreatedAt, e.UserID, e.ActorID, e.Data}
	}
	return out, nil
}
