package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type apiKeyBody struct {
	ID        uuid.UUID  `json:"id"`
	Name      string     `json:"name"`
	OwnerID   uuid.UUID  `json:"owner_id" doc:"whom the key acts for"`
	Prefix    string     `json:"prefix" doc:"the readable part of the key"`
	Scopes    []string   `json:"scopes"`
	ExpiresAt *time.Time `json:"expires_at"`
	CreatedAt time.Time  `json:"created_at"`
	Key       string     `json:"key,omitempty" doc:"the key itself: shown this once"`
}

func newAPIKeyBody(k coupon.APIKey, text string) apiKeyBody {
	return apiKeyBody{k.ID, k.Name, k.OwnerID, k.Prefix, k.Scopes, k.ExpiresAt, k.CreatedAt, text}
}

type createAPIKeyRequest struct {
	Body struct {
		Name      string       `json:"name" minLength:"1" maxLength:"200"`
		OwnerID   *uuid.UUID   `json:"owner_id,omitempty" format:"uuid" doc:"whom the key acts for; you, if left out"`
		Scopes    []auth.Scope `json:"scopes" enum:"books:read,books:write,claims:write,coupons:redeem,coupons:write,jobs:read,pools:read,pools:write,distributions:write,events:read,webhooks:read,webhooks:write"`
		ExpiresAt *time.Time   `json:"expires_at,omitempty"`
	}
}

type apiKeyResponse struct{ Body apiKeyBody }

// createAPIKey makes a key. Its text is in this answer and nowhere else.
func (a *API) createAPIKey(ctx context.Context, in *createAPIKeyRequest) (*apiKeyResponse, error) {
	key, text, err := a.Accounts.CreateAPIKey(ctx, principalOf(ctx), service.NewAPIKey{
		Name: in.Body.Name, OwnerID: in.Body.OwnerID, Scopes: in.Body.Scopes, ExpiresAt: in.Body.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	return &apiKeyResponse{newAPIKeyBody(key, text)}, nil
}

type apiKeysResponse struct {
	Body struct {
		Data []apiKeyBody `json:"data"`
	}
}

// listAPIKeys lists the keys that are not revoked, newest first.
func (a *API) listAPIKeys(ctx context.Context, _ *struct{}) (*apiKeysResponse, error) {
	keys, err := a.Accounts.APIKeys(ctx)
	if err != nil {
		return nil, err
	}
	out := &apiKeysResponse{}
	out.Body.Data = make([]apiKeyBody, len(keys))
	for i, key := range keys {
		out.Body.Data[i] = newAPIKeyBody(key, "")
	}
	return out, nil
}

// ByID is the id in a path.
type ByID struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// revokeAPIKey ends a key for good.
func (a *API) revokeAPIKey(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.RevokeAPIKey(ctx, principalOf(ctx), in.ID)
}
