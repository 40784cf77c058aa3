package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"couponbook/internal/service"
)

// Reason says why; it goes into the audit trail.
type Reason struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit trail"`
}

// Resolve refuses a reason that cannot be kept.
func (r *Reason) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if strings.ContainsRune(r.Reason, 0) {
		return []error{&huma.ErrorDetail{Location: at.With("reason"), Message: "must be text without the character NUL"}}
	}
	return nil
}

type couponResponse struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     couponBody
}

func answerCoupon(out service.Outcome, err error) (*couponResponse, error) {
	if err != nil {
		return nil, err
	}
	return &couponResponse{replayed(out.Replayed), newCouponBody(out.Till)}, nil
}

type lockBody struct {
	TTLSeconds int    `json:"ttl_seconds,omitempty" minimum:"1" maximum:"3600" doc:"how long; the book's lock_seconds, if left out"`
	OrderRef   string `json:"order_ref,omitempty" maxLength:"200" doc:"your order: with it you get the same lock again"`
	LockToken  string `json:"lock_token,omitempty" maxLength:"100" doc:"of the lock you hold, to extend it, up to an hour in all"`
}

type lockRequest struct {
	ByCoupon
	KeyHeader
	Body *lockBody
}

type lockResponse struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		LockToken   string     `json:"lock_token" doc:"send it to redeem or to unlock"`
		LockedUntil time.Time  `json:"locked_until" doc:"the lock ends by itself at this instant"`
		Coupon      couponBody `json:"coupon"`
	}
}

// lockCoupon holds a coupon while a purchase is under way.
func (a *API) lockCoupon(ctx context.Context, in *lockRequest) (*lockResponse, error) {
	var body lockBody
	if in.Body != nil {
		body = *in.Body
	}
	once, err := in.once("lock", in.Coupon, body)
	if err != nil {
		return nil, err
	}
	lock, err := a.Till.Lock(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.LockInput{
		For: time.Duration(body.TTLSeconds) * time.Second, OrderRef: body.OrderRef, Token: body.LockToken, Once: once,
	})
	if err != nil {
		return nil, err
	}
	out := &lockResponse{Replayed: replayed(lock.Replayed)}
	out.Body.LockToken, out.Body.LockedUntil = lock.Token, *lock.Till.Coupon.LockedUntil
	out.Body.Coupon = newCouponBody(lock.Till)
	return out, nil
}

type unlockRequest struct {
	ByCoupon
	KeyHeader
	Body struct {
		LockToken string `json:"lock_token,omitempty" maxLength:"100"`
		Reason    string `json:"reason,omitempty" maxLength:"500" doc:"needed from the book's manager without lock_token"`
	}
}

// unlockCoupon lets go of a coupon.
func (a *API) unlockCoupon(ctx context.Context, in *unlockRequest) (*couponResponse, error) {
	once, err := in.once("unlock", in.Coupon, in.Body)
	if err != nil {
		return nil, err
	}
	return answerCoupon(a.Till.Unlock(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.UnlockInput{
		Token: in.Body.LockToken, Reason: in.Body.Reason, Once: once,
	}))
}

type redeemRequest struct {
	ByCoupon
	KeyHeader
	Body struct {
		LockToken string `json:"lock_token,omitempty" maxLength:"100" doc:"from lock; books with require_lock false need none"`
		OrderRef  string `json:"order_ref,omitempty" maxLength:"200" doc:"your order: the same one never redeems twice"`
		Metadata  object `json:"metadata,omitempty" doc:"yours, at most 8 KiB"`
	}
}

type redemptionBody struct {
	ID         uuid.UUID `json:"id"`
	CouponID   uuid.UUID `json:"coupon_id"`
	BookID     uuid.UUID `json:"book_id"`
	UserID     uuid.UUID `json:"user_id"`
	OrderRef   *string   `json:"order_ref"`
	Metadata   object    `json:"metadata,omitempty"`
	RedeemedAt time.Time `json:"redeemed_at"`
	RolledBack bool      `json:"rolled_back"`
}

type redemptionResponse struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Redemption redemptionBody `json:"redemption"`
		Coupon     couponBody     `json:"coupon"`
	}
}

func answerRedemption(done service.Outcome, err error) (*redemptionResponse, error) {
	if err != nil {
		return nil, err
	}
	out := &redemptionResponse{Replayed: replayed(done.Replayed)}
	x := done.Redemption
	out.Body.Redemption = redemptionBody{x.ID, x.CouponID, x.BookID, x.UserID, x.OrderRef, x.Metadata, x.RedeemedAt, x.RolledBack}
	out.Body.Coupon = newCouponBody(done.Till)
	return out, nil
}

// redeemCoupon uses a coupon once.
func (a *API) redeemCoupon(ctx context.Context, in *redeemRequest) (*redemptionResponse, error) {
	once, err := in.once("redeem", in.Coupon, in.Body)
	if err != nil {
		return nil, err
	}
	return answerRedemption(a.Till.Redeem(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.RedeemInput{
		Token: in.Body.LockToken, OrderRef: in.Body.OrderRef, Metadata: json.RawMessage(in.Body.Metadata), Once: once,
	}))
}

type rollbackRequest struct {
	ByID
	KeyHeader
	Body Reason
}

// rollBack gives the use of a redemption back.
func (a *API) rollBack(ctx context.Context, in *rollbackRequest) (*redemptionResponse, error) {
	once, err := in.once("roll back", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	return answerRedemption(a.Till.RollBack(ctx, principalOf(ctx), in.ID, service.ReasonInput{Reason: in.Body.Reason, Once: once}))
}

type withReason struct {
	ByCoupon
	KeyHeader
	Body Reason
}

// staffChange serves what the book's manager does to one coupon, with a reason.
func (a *API) staffChange(operation string, change service.StaffChange) func(context.Context, *withReason) (*couponResponse, error) {
	return func(ctx context.Context, in *withReason) (*couponResponse, error) {
		once, err := in.once(operation, in.Coupon, in.Body)
		if err != nil {
			return nil, err
		}
		return answerCoupon(change(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.ReasonInput{Reason: in.Body.Reason, Once: once}))
	}
}
