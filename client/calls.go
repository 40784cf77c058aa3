package client

import (
	"context"

	"github.com/google/uuid"

	"couponbook/client/api"
)

type nothing = struct{}

// SignIn returns an access token.
func (c *Client) SignIn(ctx context.Context, email, password string) (string, error) {
	out, err := Read[api.Session](c.API().Login(ctx, api.LoginRequest{Email: email, Password: password}))
	return out.AccessToken, err
}

// Register makes an account.
func (c *Client) Register(ctx context.Context, email, password string) error {
	_, err := Read[nothing](c.API().Register(ctx, api.RegisterRequest{Email: email, Password: password}))
	return err
}

// CreateAPIKey returns the text of a new key.
func (c *Client) CreateAPIKey(ctx context.Context, name string, scopes ...api.CreateAPIKeyRequestScopes) (id uuid.UUID, key string, err error) {
	out, err := Read[struct {
		ID  uuid.UUID `json:"id"`
		Key string    `json:"key"`
	}](c.API().CreateAPIKey(ctx, nil, api.CreateAPIKeyRequest{Name: name, Scopes: scopes}))
	return out.ID, out.Key, err
}

// RevokeAPIKey ends a key.
func (c *Client) RevokeAPIKey(ctx context.Context, id uuid.UUID) error {
	_, err := Read[nothing](c.API().RevokeAPIKey(ctx, id, nil))
	return err
}

// NewBook makes a book with codes, opens it for claims and returns its id.
// perUser is how many coupons one user can get, nil for no limit.
func (c *Client) NewBook(ctx context.Context, name string, codes int, perUser *int) (uuid.UUID, error) {
	settings := api.CreateBookRequest{Name: name}
	if perUser != nil {
		settings.MaxAssignmentsPerUser = new(int64(*perUser))
	}
	book, err := Read[struct {
		ID uuid.UUID `json:"id"`
	}](c.API().CreateBook(ctx, nil, settings))
	if err != nil {
		return book.ID, err
	}
	job, err := Read[Job](c.API().GenerateCodes(ctx, book.ID, nil, api.Generate{Count: int64(codes)}))
	if err != nil {
		return book.ID, err
	}
	if _, err = c.Finish(ctx, job.ID); err != nil {
		return book.ID, err
	}
	_, err = Read[nothing](c.API().ActivateBook(ctx, book.ID, nil))
	return book.ID, err
}

// Claim asks for one coupon; key, the Idempotency-Key, may be empty.
func (c *Client) Claim(ctx context.Context, book uuid.UUID, claim api.Claim, key string, headers ...Header) (Job, error) {
	var params api.ClaimParams
	if key != "" {
		params.IdempotencyKey = &key
	}
	return Read[Job](c.API().Claim(ctx, book, &params, claim, c.show(headers...)))
}

// For is a claim for the user of this external id, who is made if there is none.
func For(externalID string) api.Claim {
	return api.Claim{User: &api.UserRef{ExternalID: &externalID}, CreateMissing: new(true)}
}
