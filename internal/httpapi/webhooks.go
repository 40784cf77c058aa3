package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type endpointBody struct {
	ID             uuid.UUID              `json:"id"`
	OwnerID        uuid.UUID              `json:"owner_id"`
	URL            string                 `json:"url"`
	Description    string                 `json:"description"`
	Events         []string               `json:"events" doc:"types, coupon.* for all of a resource, or *"`
	BookIDs        []uuid.UUID            `json:"book_ids" doc:"only of these books; empty: of any"`
	IncludeCodes   bool                   `json:"include_codes"`
	Status         coupon.EndpointStatus  `json:"status" enum:"enabled,paused,disabled"`
	DisabledReason *coupon.DisabledReason `json:"disabled_reason" enum:"by_hand,gone,asked,failing"`
	DisabledAt     *time.Time             `json:"disabled_at"`
	Failures       int                    `json:"failures" doc:"attempts that failed since the last success"`
	FailingSince   *time.Time             `json:"failing_since"`
	OpenUntil      *time.Time             `json:"open_until" doc:"nothing is sent before, since the endpoint was in trouble"`
	OldSecretUntil *time.Time             `json:"old_secret_until" doc:"the old secret signs too until then"`
	Version        int                    `json:"version"`
	CreatedAt      time.Time              `json:"created_at"`
	UpdatedAt      time.Time              `json:"updated_at"`
	Secret         string                 `json:"secret,omitempty" doc:"what messages are signed with (whsec_…): shown this once"`
}

func newEndpointBody(e coupon.Endpoint) endpointBody {
	body := endpointBody{
		ID: e.ID, OwnerID: e.OwnerID, URL: e.URL, Description: e.Description, Events: e.Events, BookIDs: e.BookIDs,
		IncludeCodes: e.IncludeCodes, Status: e.Status, DisabledReason: e.DisabledReason, DisabledAt: e.DisabledAt, Failures: e.Failures,
		FailingSince: e.FailingSince, OpenUntil: e.OpenUntil, OldSecretUntil: e.OldSecretUntil, Version: e.Version,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
	if body.BookIDs == nil {
		body.BookIDs = []uuid.UUID{}
	}
	return body
}

type endpointResponse struct {
	ETag string `header:"ETag" doc:"the endpoint's version; send it as If-Match to change that very one"`
	Body endpointBody
}

// WithoutSecret is what a repeated request is told.
func (r *endpointResponse) WithoutSecret() any {
	kept := *r
	kept.Body.Secret = ""
	return &kept
}

func answerEndpoint(e coupon.Endpoint, secret string, err error) (*endpointResponse, error) {
	if err != nil {
		return nil, err
	}
	out := &endpointResponse{etag(e.Version), newEndpointBody(e)}
	out.Body.Secret = secret
	return out, nil
}

type createEndpointRequest struct {
	Body struct {
		URL          string      `json:"url" example:"https://example.com/hooks"`
		Description  string      `json:"description,omitempty"`
		Events       []string    `json:"events" doc:"types (see GET /event-types), coupon.* for all of a resource, or *" example:"[\"coupon.*\"]"`
		BookIDs      []uuid.UUID `json:"book_ids,omitempty" doc:"only of these books; left out: of any"`
		IncludeCodes bool        `json:"include_codes,omitempty" doc:"send full codes, and holders' e-mails, to who sends mail; else codes are masked"`
	}
}

// createEndpoint registers a URL. Its secret is in this answer and nowhere else.
func (a *API) createEndpoint(ctx context.Context, in *createEndpointRequest) (*endpointResponse, error) {
	b := in.Body
	return answerEndpoint(a.Webhooks.CreateEndpoint(ctx, principalOf(ctx), coupon.EndpointSettings{
		URL: b.URL, Description: b.Description, Events: b.Events, BookIDs: b.BookIDs, IncludeCodes: b.IncludeCodes,
	}))
}

// getEndpoint reads an endpoint.
func (a *API) getEndpoint(ctx context.Context, in *ByID) (*endpointResponse, error) {
	endpoint, err := a.Webhooks.Endpoint(ctx, principalOf(ctx), in.ID)
	return answerEndpoint(endpoint, "", err)
}

type editEndpointRequest struct {
	ByID
	IfMatch string `header:"If-Match" doc:"the ETag of the endpoint you read: 412 if it has changed since"`
	Body    struct {
		URL          *string                `json:"url,omitempty"`
		Description  *string                `json:"description,omitempty"`
		Events       *[]string              `json:"events,omitempty"`
		BookIDs      *[]uuid.UUID           `json:"book_ids,omitempty" doc:"empty: of any book"`
		IncludeCodes *bool                  `json:"include_codes,omitempty"`
		Status       *coupon.EndpointStatus `json:"status,omitempty" enum:"enabled,paused,disabled" doc:"paused: what is for it waits; disabled: nothing is for it, a replay makes up for that"`
	}
}

// editEndpoint changes what is given of an endpoint.
func (a *API) editEndpoint(ctx context.Context, in *editEndpointRequest) (*endpointResponse, error) {
	b := in.Body
	endpoint, err := a.Webhooks.EditEndpoint(ctx, principalOf(ctx), in.ID, versionOf(in.IfMatch), b.Status, func(s *coupon.EndpointSettings) {
		set(b.URL, &s.URL)
		set(b.Description, &s.Description)
		set(b.Events, &s.Events)
		set(b.BookIDs, &s.BookIDs)
		set(b.IncludeCodes, &s.IncludeCodes)
	})
	return answerEndpoint(endpoint, "", err)
}

// deleteEndpoint ends an endpoint. What waits for it is canceled.
func (a *API) deleteEndpoint(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Webhooks.DeleteEndpoint(ctx, principalOf(ctx), in.ID)
}

// rotateSecret gives an endpoint a new secret, which is in this answer and
// nowhere else.
func (a *API) rotateSecret(ctx context.Context, in *ByID) (*endpointResponse, error) {
	return answerEndpoint(a.Webhooks.RotateSecret(ctx, principalOf(ctx), in.ID))
}

type endpointsResponse struct{ Body page[endpointBody] }

// listEndpoints lists the caller's endpoints, newest first; an admin sees all.
func (a *API) listEndpoints(ctx context.Context, in *Paging) (*endpointsResponse, error) {
	var after idCursor
	if err := a.Cursors.read("webhooks", in.Cursor, &after); err != nil {
		return nil, err
	}
	endpoints, err := a.Webhooks.Endpoints(ctx, principalOf(ctx), after.Before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "webhooks", endpoints, in.Limit, newEndpointBody, func(e coupon.Endpoint) any { return idCursor{&e.ID} })
	return &endpointsResponse{body}, err
}

type replayRequest struct {
	ByID
	SubmitHeaders
	Body struct {
		From time.Time  `json:"from" doc:"events that happened from then on"`
		To   *time.Time `json:"to,omitempty" doc:"and before then; left out: until now"`
	}
}

type replayedBody struct {
	EndpointID uuid.UUID `json:"endpoint_id"`
	Deliveries int       `json:"deliveries" doc:"begun anew, or made for events that it was never sent"`
}

// replay accepts a job that sends the events of a span of time to an endpoint
// again. A message has the same webhook-id each time.
func (a *API) replay(ctx context.Context, in *replayRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("replay", in.ID.String(), in.Body)
	if err != nil {
		return nil, err
	}
	request := service.ReplayRequest{EndpointID: in.ID, From: in.Body.From, To: time.Now(), IdempotencyKey: key, Fingerprint: mark}
	if in.Body.To != nil {
		request.To = *in.Body.To
	}
	submission, err := a.Webhooks.SubmitReplay(ctx, principalOf(ctx), request)
	return a.answerBulk(ctx, submission, err, in.Prefer)
}
