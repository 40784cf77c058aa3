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

// Reason says why; it goes into the audit trail.
type Reason struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit trail"`
}

type couponBody struct {
	ID             uuid.UUID    `json:"id"`
	BookID         uuid.UUID    `json:"book_id"`
	BookName       string       `json:"book_name"`
	Code           string       `json:"code"`
	State          coupon.State `json:"state" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID"`
	UserID         *uuid.UUID   `json:"user_id" doc:"who holds or held it"`
	AssignedAt     *time.Time   `json:"assigned_at"`
	ExpiresAt      *time.Time   `json:"expires_at" doc:"worth nothing from this instant on"`
	LockedUntil    *time.Time   `json:"locked_until"`
	MaxRedemptions int          `json:"max_redemptions"`
	Remaining      int          `json:"remaining" doc:"uses left"`
	Now            time.Time    `json:"now" doc:"the server's clock, for countdowns"`
}

func newCouponBody(t coupon.Till) couponBody {
	c := t.Coupon
	return couponBody{
		c.ID, c.BookID, t.Book.Name, c.Code, c.State, c.UserID, c.AssignedAt, t.EndsAt(), c.LockedUntil,
		c.MaxRedemptions, c.Remaining(), t.Now,
	}
}

type couponResponse struct{ Body couponBody }

func answerCoupon(t coupon.Till, err error) (*couponResponse, error) {
	if err != nil {
		return nil, err
	}
	return &couponResponse{newCouponBody(t)}, nil
}

// getCoupon reads a coupon as it stands now.
func (a *API) getCoupon(ctx context.Context, in *ByCoupon) (*couponResponse, error) {
	return answerCoupon(a.Till.Coupon(ctx, principalOf(ctx), service.CouponRef(in.Coupon)))
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

type lockRequest struct {
	ByCoupon
	Body *struct {
		TTLSeconds int    `json:"ttl_seconds,omitempty" minimum:"1" maximum:"3600" doc:"how long; the book's lock_seconds, if left out"`
		OrderRef   string `json:"order_ref,omitempty" maxLength:"200" doc:"your order: with it you get the same lock again"`
		LockToken  string `json:"lock_token,omitempty" maxLength:"100" doc:"of the lock you hold, to extend it, up to an hour in all"`
	}
}

type lockResponse struct {
	Body struct {
		LockToken   string     `json:"lock_token" doc:"send it to redeem or to unlock"`
		LockedUntil time.Time  `json:"locked_until" doc:"the lock ends by itself at this instant"`
		Coupon      couponBody `json:"coupon"`
	}
}

// lockCoupon holds a coupon while a purchase is under way.
func (a *API) lockCoupon(ctx context.Context, in *lockRequest) (*lockResponse, error) {
	var input service.LockInput
	if in.Body != nil {
		input = service.LockInput{For: time.Duration(in.Body.TTLSeconds) * time.Second, OrderRef: in.Body.OrderRef, Token: in.Body.LockToken}
	}
	lock, err := a.Till.Lock(ctx, principalOf(ctx), service.CouponRef(in.Coupon), input)
	if err != nil {
		return nil, err
	}
	out := &lockResponse{}
	out.Body.LockToken, out.Body.LockedUntil = lock.Token, *lock.Till.Coupon.LockedUntil
	out.Body.Coupon = newCouponBody(lock.Till)
	return out, nil
}

type unlockRequest struct {
	ByCoupon
	Body struct {
		LockToken string `json:"lock_token,omitempty" maxLength:"100"`
		Reason    string `json:"reason,omitempty" maxLength:"500" doc:"needed from the book's manager without lock_token"`
	}
}

// unlockCoupon lets go of a coupon.
func (a *API) unlockCoupon(ctx context.Context, in *unlockRequest) (*couponResponse, error) {
	return answerCoupon(a.Till.Unlock(ctx, principalOf(ctx), service.CouponRef(in.Coupon), in.Body.LockToken, in.Body.Reason))
}

// maxMetadata is the most bytes of a redemption's metadata.
const maxMetadata = 8 << 10

type redeemRequest struct {
	ByCoupon
	Body struct {
		LockToken string         `json:"lock_token,omitempty" maxLength:"100" doc:"from lock; books with require_lock false need none"`
		OrderRef  string         `json:"order_ref,omitempty" maxLength:"200" doc:"your order: the same one never redeems twice"`
		Metadata  map[string]any `json:"metadata,omitempty" doc:"yours, at most 8 KiB"`
	}
}

type redemptionBody struct {
	ID         uuid.UUID       `json:"id"`
	CouponID   uuid.UUID       `json:"coupon_id"`
	BookID     uuid.UUID       `json:"book_id"`
	UserID     uuid.UUID       `json:"user_id"`
	OrderRef   *string         `json:"order_ref"`
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	RedeemedAt time.Time       `json:"redeemed_at"`
	RolledBack bool            `json:"rolled_back"`
}

type redemptionResponse struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Redemption redemptionBody `json:"redemption"`
		Coupon     couponBody     `json:"coupon"`
	}
}

func answerRedemption(r service.Redeemed, err error) (*redemptionResponse, error) {
	if err != nil {
		return nil, err
	}
	out := &redemptionResponse{}
	x := r.Redemption
	out.Body.Redemption = redemptionBody{x.ID, x.CouponID, x.BookID, x.UserID, x.OrderRef, x.Metadata, x.RedeemedAt, x.RolledBack}
	out.Body.Coupon = newCouponBody(r.Till)
	if r.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// redeemCoupon uses a coupon once.
func (a *API) redeemCoupon(ctx context.Context, in *redeemRequest) (*redemptionResponse, error) {
	input := service.RedeemInput{Token: in.Body.LockToken, OrderRef: in.Body.OrderRef}
	if in.Body.Metadata != nil {
		data, err := json.Marshal(in.Body.Metadata)
		if err != nil {
			return nil, err
		}
		if len(data) > maxMetadata {
			return nil, coupon.InvalidInput(coupon.Field{Pointer: "/metadata", Detail: "must have at most 8192 bytes"})
		}
		input.Metadata = data
	}
	return answerRedemption(a.Till.Redeem(ctx, principalOf(ctx), service.CouponRef(in.Coupon), input))
}

type rollbackRequest struct {
	ByID
	Body Reason
}

// rollBack gives the use of a redemption back.
func (a *API) rollBack(ctx context.Context, in *rollbackRequest) (*redemptionResponse, error) {
	return answerRedemption(a.Till.RollBack(ctx, principalOf(ctx), in.ID, in.Body.Reason))
}

type withReason struct {
	ByCoupon
	Body Reason
}

// revokeCoupon puts a coupon back into the stock.
func (a *API) revokeCoupon(ctx context.Context, in *withReason) (*couponResponse, error) {
	return answerCoupon(a.Till.Revoke(ctx, principalOf(ctx), service.CouponRef(in.Coupon), in.Body.Reason))
}

// voidCoupon kills a coupon for good.
func (a *API) voidCoupon(ctx context.Context, in *withReason) (*couponResponse, error) {
	return answerCoupon(a.Till.Void(ctx, principalOf(ctx), service.CouponRef(in.Coupon), in.Body.Reason))
}

type timelineBody struct {
	Seq     int              `json:"seq" doc:"1, 2, 3, … without a gap"`
	Type    coupon.EventType `json:"type"`
	At      time.Time        `json:"at"`
	UserID  *uuid.UUID       `json:"user_id" doc:"who held it; for the book's manager"`
	ActorID *uuid.UUID       `json:"actor_id" doc:"who did it; for the book's manager"`
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
