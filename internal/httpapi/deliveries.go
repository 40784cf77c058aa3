package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// DeliveryBody is a delivery. (Embedded types are exported: huma sees no others.)
type DeliveryBody struct {
	ID            int64                 `json:"id"`
	EndpointID    uuid.UUID             `json:"endpoint_id"`
	MessageID     string                `json:"message_id" doc:"the webhook-id: the same on every try" example:"evt_42"`
	Type          coupon.EventType      `json:"type"`
	Events        int                   `json:"events" doc:"how many travel together"`
	CallbackURL   *string               `json:"callback_url" doc:"where it goes, if not to the endpoint's own URL"`
	Status        coupon.DeliveryStatus `json:"status" enum:"pending,succeeded,failed,canceled"`
	Attempts      int                   `json:"attempts"`
	NextAttemptAt *time.Time            `json:"next_attempt_at" doc:"not before then; null once it has ended"`
	EventAt       time.Time             `json:"event_at"`
	CreatedAt     time.Time             `json:"created_at"`
	EndedAt       *time.Time            `json:"ended_at"`
}

func newDeliveryBody(d coupon.Delivery) DeliveryBody {
	body := DeliveryBody{
		ID: d.ID, EndpointID: d.EndpointID, MessageID: coupon.MessageID(d.EventID), Type: d.Type, Events: d.Events,
		CallbackURL: d.CallbackURL, Status: d.Status, Attempts: d.Attempts, EventAt: d.EventAt, CreatedAt: d.CreatedAt, EndedAt: d.EndedAt,
	}
	if d.Status == coupon.DeliveryPending {
		body.NextAttemptAt = &d.NextAttemptAt
	}
	return body
}

type attemptBody struct {
	N               int               `json:"n"`
	URL             string            `json:"url"`
	RequestHeaders  map[string]string `json:"request_headers"`
	StartedAt       time.Time         `json:"started_at"`
	TookMS          float64           `json:"took_ms" doc:"milliseconds"`
	StatusCode      *int              `json:"status_code" doc:"null: there was no answer"`
	Error           *string           `json:"error" doc:"why it failed, in a word"`
	Detail          *string           `json:"detail" doc:"and in a sentence"`
	ResponseHeaders map[string]string `json:"response_headers"`
	ResponseBody    *string           `json:"response_body" doc:"how it begins; for admins only"`
}

// newAttemptBody shows an attempt. What a server behind a URL answers is not for
// everyone who may register one.
func newAttemptBody(attempt coupon.Attempt, admin bool) attemptBody {
	body := attemptBody{
		N: attempt.N, URL: attempt.URL, RequestHeaders: attempt.RequestHeaders, StartedAt: attempt.StartedAt,
		TookMS: float64(attempt.Took.Microseconds()) / 1000, StatusCode: attempt.StatusCode, Error: attempt.Error, Detail: attempt.Detail,
		ResponseHeaders: attempt.ResponseHeaders,
	}
	if admin && attempt.StatusCode != nil {
		text := strings.ToValidUTF8(string(attempt.ResponseBody), "\uFFFD")
		body.ResponseBody = &text
	}
	if body.ResponseHeaders == nil {
		body.ResponseHeaders = map[string]string{}
	}
	return body
}

type testResponse struct {
	Body struct {
		Delivery DeliveryBody `json:"delivery"`
		Attempt  attemptBody  `json:"attempt"`
	}
}

// testEndpoint sends an endpoint a message and tells what came of it.
func (a *API) testEndpoint(ctx context.Context, in *ByID) (*testResponse, error) {
	p := principalOf(ctx)
	delivery, attempt, err := a.Webhooks.TestEndpoint(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	out := &testResponse{}
	out.Body.Delivery, out.Body.Attempt = newDeliveryBody(delivery), newAttemptBody(attempt, p.Role == coupon.Admin)
	return out, nil
}

type listDeliveriesRequest struct {
	ByID
	Paging
	Status coupon.DeliveryStatus `query:"status" enum:"pending,succeeded,failed,canceled"`
}

type deliveriesResponse struct{ Body page[DeliveryBody] }

type deliveryCursor struct {
	Before *int64 `json:"b,omitempty"`
}

// listDeliveries lists what was sent to an endpoint and what is to be, newest first.
func (a *API) listDeliveries(ctx context.Context, in *listDeliveriesRequest) (*deliveriesResponse, error) {
	var after deliveryCursor
	if err := a.Cursors.read("deliveries", in.Cursor, &after); err != nil {
		return nil, err
	}
	filter := service.DeliveryFilter{Status: given(in.Status), Before: after.Before}
	deliveries, err := a.Webhooks.Deliveries(ctx, principalOf(ctx), in.ID, filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "deliveries", deliveries, in.Limit, newDeliveryBody, func(d coupon.Delivery) any { return deliveryCursor{&d.ID} })
	return &deliveriesResponse{body}, err
}

// ByNumber is the number in a path.
type ByNumber struct {
	ID int64 `path:"id"`
}

type deliveryDetailsBody struct {
	DeliveryBody
	Body json.RawMessage `json:"body" doc:"what is sent"`
	Log  []attemptBody   `json:"log" doc:"every attempt, in order"`
}

type deliveryDetailsResponse struct{ Body deliveryDetailsBody }

// getDelivery reads a delivery with every attempt.
func (a *API) getDelivery(ctx context.Context, in *ByNumber) (*deliveryDetailsResponse, error) {
	p := principalOf(ctx)
	details, err := a.Webhooks.Delivery(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	out := &deliveryDetailsResponse{deliveryDetailsBody{newDeliveryBody(details.Delivery), details.Body, make([]attemptBody, len(details.Attempts))}}
	for i, attempt := range details.Attempts {
		out.Body.Log[i] = newAttemptBody(attempt, p.Role == coupon.Admin)
	}
	return out, nil
}

type deliveryResponse struct{ Body DeliveryBody }

// redeliver begins a delivery anew.
func (a *API) redeliver(ctx context.Context, in *ByNumber) (*deliveryResponse, error) {
	delivery, err := a.Webhooks.Redeliver(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &deliveryResponse{newDeliveryBody(delivery)}, nil
}

type listEventsRequest struct {
	After  string `query:"after" doc:"next_cursor of the page before; left out: from the first event on"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"500"`
	Types  string `query:"types" doc:"only these, separated by commas: types, or coupon.* for all of a resource"`
	BookID string `query:"book_id" format:"uuid"`
}

type eventsResponse struct {
	Body struct {
		Data       []coupon.Message `json:"data"`
		NextCursor string           `json:"next_cursor" doc:"where the list goes on, now or when there is more: keep it"`
		HasMore    bool             `json:"has_more" doc:"there is more already, even if this page is short or empty"`
	}
}

// listEvents lists the events that the caller may hear of, once each, in an
// order that never changes.
func (a *API) listEvents(ctx context.Context, in *listEventsRequest) (*eventsResponse, error) {
	filter := service.EventFilter{After: service.FirstEvent}
	err := a.Cursors.read("events", in.After, &filter.After)
	if err != nil {
		return nil, coupon.InvalidInput(coupon.Field{Pointer: "after", Detail: "use next_cursor of this very list; if it was signed with a secret that is gone, begin without after: events keep their ids"})
	}
	if filter.BookID, err = givenID("book_id", in.BookID); err != nil {
		return nil, err
	}
	if in.Types != "" {
		filter.Types = strings.Split(in.Types, ",")
	}
	page, err := a.Service.Events(ctx, principalOf(ctx), filter, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &eventsResponse{}
	out.Body.Data, out.Body.HasMore = page.Messages, page.More
	out.Body.NextCursor, err = a.Cursors.write("events", page.Next)
	return out, err
}
