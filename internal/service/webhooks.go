package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/webhook"
)

// maxEndpoints is how many endpoints a user can have.
const maxEndpoints = 50

// Webhooks has the use cases of endpoints and deliveries.
type Webhooks struct {
	*Service
	sender *webhook.Sender
}

// NewWebhooks makes them.
func NewWebhooks(s *Service, sender *webhook.Sender) *Webhooks { return &Webhooks{s, sender} }

// CreateEndpoint registers a URL and returns its secret, which is shown this once.
func (w *Webhooks) CreateEndpoint(ctx context.Context, p auth.Principal, settings coupon.EndpointSettings) (made coupon.Endpoint, secret string, err error) {
	endpoint := coupon.Endpoint{ID: uuid.Must(uuid.NewV7()), OwnerID: p.UserID}
	if endpoint, err = w.with(ctx, p, endpoint, settings); err != nil {
		return made, "", err
	}
	key := webhook.NewSecret()
	err = w.store.InTx(ctx, func(tx *postgres.Store) error {
		n, err := tx.CountEndpoints(ctx, p.UserID)
		if err == nil && n >= maxEndpoints {
			err = coupon.ErrEndpointsMany
		}
		if err == nil {
			made, err = tx.AddEndpoint(ctx, endpoint, key)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.EndpointCreate, endpoint.ID, nil, settings)
	})
	return made, webhook.SecretText(key), err
}

// with is the endpoint under other settings, of which all is checked: its URL
// may be called, and its books are the caller's.
func (w *Webhooks) with(ctx context.Context, p auth.Principal, e coupon.Endpoint, settings coupon.EndpointSettings) (coupon.Endpoint, error) {
	was := e.URL
	e, err := e.With(settings)
	if err != nil {
		return e, err
	}
	if e.URL != was {
		if err = w.sender.Guard.CheckURL(ctx, e.URL); err != nil {
			return e, coupon.InvalidInput(coupon.Field{Pointer: "/url", Detail: err.Error()})
		}
	}
	for i, id := range e.BookIDs {
		if _, err = w.ownBook(ctx, p, id); errors.Is(err, coupon.ErrBookNotFound) {
			return e, coupon.InvalidInput(coupon.Field{Pointer: fmt.Sprintf("/book_ids/%d", i), Detail: coupon.ErrBookNotFound.Message})
		} else if err != nil {
			return e, err
		}
	}
	return e, nil
}

// Endpoint returns an endpoint of the caller's.
func (w *Webhooks) Endpoint(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Endpoint, error) {
	return ownEndpoint(p)(w.store.Endpoint(ctx, id))
}

// ownEndpoint hides endpoints that are not the caller's.
func ownEndpoint(p auth.Principal) func(coupon.Endpoint, error) (coupon.Endpoint, error) {
	return func(e coupon.Endpoint, err error) (coupon.Endpoint, error) {
		if err == nil && !p.Owns(e.OwnerID) {
			return coupon.Endpoint{}, coupon.ErrEndpointNotFound
		}
		return e, err
	}
}

// Endpoints lists the caller's endpoints, newest first; an admin sees all.
func (w *Webhooks) Endpoints(ctx context.Context, p auth.Principal, before *uuid.UUID, limit int) ([]coupon.Endpoint, error) {
	owner := &p.UserID
	if p.Role == coupon.Admin {
		owner = nil
	}
	return w.store.Endpoints(ctx, owner, before, limit)
}

// EditEndpoint changes an endpoint by edit, which gets the settings as they
// are, and brings it to a status if one is given. With a version it does so
// only while the endpoint has that one.
func (w *Webhooks) EditEndpoint(ctx context.Context, p auth.Principal, id uuid.UUID, version *int, status *coupon.EndpointStatus,
	edit func(*coupon.EndpointSettings),
) (changed coupon.Endpoint, err error) {
	read, err := w.Endpoint(ctx, p, id)
	if err != nil {
		return changed, err
	}
	settings := settingsOf(read)
	edit(&settings)
	if _, err = w.with(ctx, p, read, settings); err != nil { // looks names up, which takes time
		return changed, err
	}
	err = w.store.InTx(ctx, func(tx *postgres.Store) error {
		endpoint, err := ownEndpoint(p)(tx.EndpointForUpdate(ctx, id))
		if err != nil {
			return err
		}
		if endpoint.Version != read.Version || version != nil && *version != read.Version {
			return coupon.ErrEndpointChanged
		}
		if endpoint, err = endpoint.With(settings); err != nil {
			return err
		}
		if status != nil && *status != endpoint.Status {
			changed, err = w.move(ctx, tx, endpoint, *status, &p.UserID, coupon.DisabledByHand)
		} else {
			changed, err = tx.SaveEndpoint(ctx, endpoint)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.EndpointEdit, id, auditedEndpoint(read), auditedEndpoint(changed))
	})
	if err == nil && changed.Status == coupon.EndpointEnabled {
		w.ring(ctx, id, func(ctx context.Context) error { return w.queue.RingEndpoint(ctx, id) })
	}
	return changed, err
}

func settingsOf(e coupon.Endpoint) coupon.EndpointSettings {
	return coupon.EndpointSettings{URL: e.URL, Description: e.Description, Events: e.Events, BookIDs: e.BookIDs, IncludeCodes: e.IncludeCodes}
}

// auditEndpoint is what the audit log tells of an endpoint.
type auditEndpoint struct {
	Status coupon.EndpointStatus
	coupon.EndpointSettings
}

func auditedEndpoint(e coupon.Endpoint) auditEndpoint { return auditEndpoint{e.Status, settingsOf(e)} }

// move brings an endpoint to another status and tells of it. One that is
// enabled again begins with a clean record.
func (w *Webhooks) move(ctx context.Context, tx *postgres.Store, e coupon.Endpoint, to coupon.EndpointStatus, actor *uuid.UUID,
	why coupon.DisabledReason,
) (coupon.Endpoint, error) {
	from := e.Status
	told := coupon.EndpointData{EndpointID: e.ID, Failures: e.Failures, FailingSince: e.FailingSince}
	now := time.Now()
	e.Status, e.DisabledReason, e.DisabledAt = to, nil, nil
	if to == coupon.EndpointDisabled {
		e.DisabledReason, e.DisabledAt, told.Reason = &why, &now, why
	} else {
		e.EndpointHealth, told.Failures, told.FailingSince = coupon.EndpointHealth{}, 0, nil
	}
	moved, err := tx.SaveEndpoint(ctx, e)
	switch {
	case err != nil:
		return moved, err
	case to == coupon.EndpointDisabled:
		err = tellOfEndpoint(ctx, tx, e, coupon.EndpointWasDisabled, actor, told)
	case from == coupon.EndpointDisabled:
		err = tellOfEndpoint(ctx, tx, e, coupon.EndpointWasEnabled, actor, told)
	}
	return moved, err
}

func tellOfEndpoint(ctx context.Context, tx *postgres.Store, e coupon.Endpoint, event coupon.EventType, actor *uuid.UUID, told coupon.EndpointData) error {
	data, err := json.Marshal(told)
	if err != nil {
		return err
	}
	return tx.AddEvent(ctx, postgres.Event{Type: event, UserID: &e.OwnerID, ActorID: actor, Data: data})
}

// DeleteEndpoint takes an endpoint out of sight. What waits for it is canceled.
func (w *Webhooks) DeleteEndpoint(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	endpoint, err := w.Endpoint(ctx, p, id)
	if err != nil {
		return err
	}
	return w.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := tx.DeleteEndpoint(ctx, id); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.EndpointDelete, id, auditedEndpoint(endpoint), nil)
	})
}

// RotateSecret gives an endpoint a new secret and returns it. The old one signs
// beside it for a day.
func (w *Webhooks) RotateSecret(ctx context.Context, p auth.Principal, id uuid.UUID) (rotated coupon.Endpoint, secret string, err error) {
	key := webhook.NewSecret()
	err = w.store.InTx(ctx, func(tx *postgres.Store) error {
		endpoint, err := ownEndpoint(p)(tx.EndpointForUpdate(ctx, id))
		if err != nil {
			return err
		}
		if rotated, err = tx.RotateSecret(ctx, id, key, coupon.SecretOverlap); err != nil {
			return err
		}
		err = tellOfEndpoint(ctx, tx, endpoint, coupon.EndpointSecretRotated, &p.UserID,
			coupon.EndpointData{EndpointID: id, OldSecretUntil: rotated.OldSecretUntil})
		if err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.EndpointRotate, id, nil, nil)
	})
	return rotated, webhook.SecretText(key), err
}

// callback finds the endpoint of a callback URL; none for none. That there is none
// is a refusal, which does not matter to a job that is there already.
func (s *Service) callback(ctx context.Context, owner uuid.UUID, url string) (found *coupon.Callback, unfit, err error) {
	if url == "" {
		return nil, nil, nil
	}
	endpoints, err := s.store.EnabledEndpoints(ctx, []uuid.UUID{owner})
	if err == nil {
		found, unfit = callbackFor(endpoints, owner, url)
	}
	return found, unfit, err
}

// callbackFor finds the endpoint on whose origin a callback URL is.
func callbackFor(endpoints []coupon.Endpoint, owner uuid.UUID, url string) (*coupon.Callback, error) {
	if err := coupon.CheckCallback(url); err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		if e.OwnerID == owner && coupon.SameOrigin(e.URL, url) {
			return &coupon.Callback{URL: url, EndpointID: e.ID}, nil
		}
	}
	return nil, coupon.InvalidInput(coupon.Field{
		Pointer: "/callback_url", Detail: "must have scheme, host and port of one of your webhook endpoints that is not disabled: register one first",
	})
}
