package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Once makes a request safe to repeat: its key brings the answer of the first
// time. A refusal uses no key up. The zero value is a request without.
type Once struct {
	Key         string
	Fingerprint []byte // of the request, to tell another one under the same key
}

// Outcome is what came of a request at the till.
type Outcome struct {
	Till       coupon.Till
	Redemption *coupon.Redemption
	Token      string `json:"-"` // of the lock: derived again each time, never stored
	Replayed   bool   `json:"-"` // it had happened before
}

// request is who wants to change which coupon, and how.
type request struct {
	by       auth.Principal
	ref      postgres.CouponRef
	once     Once
	hold     func(*postgres.Store, context.Context, postgres.CouponRef) (coupon.Till, error)
	action   string // recorded if it is refused; empty: it is not
	orderRef string
	deed     deed // of staff; the zero value: none
}

// deed is what the audit log says of a change.
type deed struct {
	action coupon.Action
	reason string
}

// auditCoupon is what the audit log tells of a coupon.
type auditCoupon struct {
	State    coupon.State
	Disabled bool
	UserID   *uuid.UUID
	Reason   string
}

func (d deed) audit(ctx context.Context, tx *postgres.Store, p auth.Principal, before, after coupon.Coupon) error {
	if d.action == "" {
		return nil
	}
	return audit(ctx, tx, p, d.action, before.ID, auditCoupon{before.State, before.DisabledAt != nil, before.UserID, ""},
		auditCoupon{after.State, after.DisabledAt != nil, after.UserID, d.reason})
}

var holdCoupon = (*postgres.Store).HoldTill

// change holds a coupon, lets decide say what becomes of it, and writes that
// and the answer, all in one transaction.
func (t *Till) change(ctx context.Context, r request,
	decide func(tx *postgres.Store, before coupon.Till) (postgres.Change, error),
) (out Outcome, err error) {
	var tried *coupon.Coupon
	err = t.store.InTx(ctx, func(tx *postgres.Store) error {
		if answered, err := r.replay(ctx, tx, &out); answered || err != nil {
			return err
		}
		before, err := r.hold(tx, ctx, r.ref)
		if err != nil {
			return err
		}
		tried = &before.Coupon
		if err = mayUse(r.by, before); err != nil {
			return err
		}
		change, err := decide(tx, before)
		if err != nil {
			return err
		}
		change.Before, change.ActorID = before, &r.by.UserID
		if err = tx.SaveTill(ctx, change); err != nil {
			return err
		}
		if err = r.deed.audit(ctx, tx, r.by, before.Coupon, change.After.Coupon); err != nil {
			return err
		}
		out.Till, out.Redemption, out.Till.Steps = shownTo(r.by, change.After), change.Redemption, nil
		return r.keep(ctx, tx, out)
	})
	t.record(ctx, r, tried, err)
	return out, asSeenBy(r.by, err)
}

// replay reads the answer that the request's key has brought before.
func (r request) replay(ctx context.Context, tx *postgres.Store, out *Outcome) (bool, error) {
	if r.once.Key == "" {
		return false, nil
	}
	answer, err := tx.TakeKey(ctx, r.by.UserID, r.once.Key, r.once.Fingerprint)
	if answer == nil || err != nil {
		return false, err
	}
	if err = json.Unmarshal(answer, out); err != nil {
		return false, fmt.Errorf("read a stored answer: %w", err)
	}
	out.Replayed = true
	return true, nil
}

func (r request) keep(ctx context.Context, tx *postgres.Store, out Outcome) error {
	if r.once.Key == "" {
		return nil
	}
	answer, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("write an answer to store: %w", err)
	}
	return tx.StoreAnswer(ctx, r.by.UserID, r.once.Key, answer)
}

// record notes a refused try for the book's manager. The refusal stands
// without the note.
func (t *Till) record(ctx context.Context, r request, tried *coupon.Coupon, err error) {
	refusal, refused := errors.AsType[*coupon.Error](err)
	if !refused || tried == nil || r.action == "" {
		return
	}
	err = t.store.AddRefusal(ctx, postgres.Refusal{
		Coupon: *tried, ActorID: r.by.UserID, Action: r.action, Code: refusal.Code, OrderRef: r.orderRef,
	})
	if err != nil {
		slog.WarnContext(ctx, "refusal not recorded", "coupon_id", tried.ID, "code", refusal.Code, "error", err)
	}
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
