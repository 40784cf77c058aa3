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
	Benefit        object       `json:"benefit" nullable:"true" doc:"what it is worth, as its book says"`
	Now            time.Time    `json:"now" doc:"the server's clock, for countdowns"`
}

func newCouponBody(t coupon.Till) couponBody {
	c := t.Coupon
	return couponBody{
		c.ID, c.BookID, t.Book.Name, c.Code, c.State, c.UserID, c.AssignedAt, t.EndsAt(), c.LockedUntil,
		c.MaxRedemptions, c.Remaining(), object(t.Book.Benefit), t.Now,
	}
}

// KeyHeader comes with requests that can be repeated under the same key.
type KeyHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"257" doc:"1 to 255 visible characters; the same key brings the same answer, for a week"`
}

// once reads the key, and marks the request that it comes with.
func (h KeyHeader) once(operation, target string, body any) (service.Once, error) {
	key, err := keyOf(h.IdempotencyKey)
	if err != nil || key == "" {
		return service.Once{}, err
	}
	mark, err := fingerprint(operation, target, body)
	return service.Once{Key: key, Fingerprint: mark}, err
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

// replayed is the value of the header that tells a repeated answer.
func replayed(was bool) string {
	if was {
		return "true"
	}
	return ""
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

// revokeCoupon puts a coupon back into the stock.
func (a *API) revokeCoupon(ctx context.Context, in *withReason) (*couponResponse, error) {
	once, err := in.once("revoke", in.Coupon, in.Body)
	if err != nil {
		return nil, err
	}
	return answerCoupon(a.Till.Revoke(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.ReasonInput{Reason: in.Body.Reason, Once: once}))
}

// voidCoupon kills a coupon for good.
func (a *API) voidCoupon(ctx context.Context, in *withReason) (*couponResponse, error) {
	once, err := in.once("void", in.Coupon, in.Body)
	if err != nil {
		return nil, err
	}
	return answerCoupon(a.Till.Void(ctx, principalOf(ctx), service.CouponRef(in.Coupon), service.ReasonInput{Reason: in.Body.Reason, Once: once}))
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
