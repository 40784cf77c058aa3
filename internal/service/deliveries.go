package service

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// testsAMinute is how often an endpoint can be tested.
const testsAMinute = 10

// TestEndpoint sends an endpoint a message at once, whatever its status, and
// returns what came of it. Nothing follows from a failure.
func (w *Webhooks) TestEndpoint(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Delivery, coupon.Attempt, error) {
	var attempt coupon.Attempt
	endpoint, err := w.Endpoint(ctx, p, id)
	if err != nil {
		return coupon.Delivery{}, attempt, err
	}
	data, err := json.Marshal(coupon.EndpointData{EndpointID: id})
	if err != nil {
		return coupon.Delivery{}, attempt, err
	}
	var delivery coupon.Delivery
	err = w.store.InTx(ctx, func(tx *postgres.Store) error {
		if _, err := tx.EndpointForUpdate(ctx, id); err != nil {
			return err
		}
		if delivery, err = tx.AddTest(ctx, id, endpoint.OwnerID, p.UserID, data, testsAMinute); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.EndpointTest, id, nil, nil)
	})
	if err != nil {
		return delivery, attempt, err
	}
	events, err := w.store.EventsOf(ctx, []int64{delivery.ID})
	if err != nil {
		return delivery, attempt, err
	}
	secrets, err := w.store.Secrets(ctx, id)
	if err != nil {
		return delivery, attempt, err
	}
	attempt = w.attempt(ctx, endpoint, secrets, delivery, events[delivery.ID])
	if attempt.Verdict != coupon.Delivered {
		attempt.Verdict = coupon.GiveUp
	}
	delivery = delivery.After(attempt, time.Now(), 0)
	attempt.N = delivery.Attempts
	return delivery, attempt, w.store.NoteTried(context.WithoutCancel(ctx), []postgres.Tried{{Delivery: delivery, Attempt: attempt}})
}

// Deliveries lists the deliveries to an endpoint of the caller's, newest first.
func (w *Webhooks) Deliveries(ctx context.Context, p auth.Principal, id uuid.UUID, f DeliveryFilter, limit int) ([]coupon.Delivery, error) {
	if _, err := w.Endpoint(ctx, p, id); err != nil {
		return nil, err
	}
	return w.store.Deliveries(ctx, id, f, limit)
}

// DeliveryDetails is a delivery with all that there is to see of it.
type DeliveryDetails struct {
	coupon.Delivery
	Body     json.RawMessage // what is sent
	Attempts []coupon.Attempt
}

// Delivery returns a delivery to an endpoint of the caller's.
func (w *Webhooks) Delivery(ctx context.Context, p auth.Principal, id int64) (details DeliveryDetails, err error) {
	endpoint, err := w.ownDelivery(ctx, p, id, &details.Delivery)
	if err != nil {
		return details, err
	}
	if details.Attempts, err = w.store.AttemptsOf(ctx, id); err != nil {
		return details, err
	}
	events, err := w.store.EventsOf(ctx, []int64{id})
	if err == nil {
		details.Body, err = bodyOf(endpoint, events[id])
	}
	return details, err
}

// ownDelivery finds a delivery, and its endpoint, which is the caller's.
func (w *Webhooks) ownDelivery(ctx context.Context, p auth.Principal, id int64, found *coupon.Delivery) (coupon.Endpoint, error) {
	delivery, err := w.store.Delivery(ctx, id)
	if err != nil {
		return coupon.Endpoint{}, err
	}
	*found = delivery
	endpoint, err := w.Endpoint(ctx, p, delivery.EndpointID)
	if errors.Is(err, coupon.ErrEndpointNotFound) {
		err = coupon.ErrDeliveryNotFound
	}
	return endpoint, err
}

// auditDelivery is what the audit log tells of a delivery that is sent again.
type auditDelivery struct{ DeliveryID int64 }

// Redeliver begins a delivery anew, whatever came of it before.
func (w *Webhooks) Redeliver(ctx context.Context, p auth.Principal, id int64) (delivery coupon.Delivery, err error) {
	endpoint, err := w.ownDelivery(ctx, p, id, &delivery)
	if err == nil && endpoint.Status == coupon.EndpointDisabled {
		err = coupon.ErrEndpointDisabled
	}
	if err != nil {
		return delivery, err
	}
	err = w.store.InTx(ctx, func(tx *postgres.Store) error {
		if delivery, err = tx.Redeliver(ctx, id); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.Redeliver, endpoint.ID, nil, auditDelivery{id})
	})
	if err == nil {
		w.ring(ctx, endpoint.ID, func(ctx context.Context) error { return w.queue.RingEndpoint(ctx, endpoint.ID) })
	}
	return delivery, err
}
