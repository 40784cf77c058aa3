package httpapi

import (
	"context"
	"net/netip"
	"strconv"
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
	Networks  []string   `json:"networks" doc:"from where the key may be used; none: from anywhere"`
	ExpiresAt *time.Time `json:"expires_at"`
	OldUntil  *time.Time `json:"old_secret_until" doc:"the secret before the last rotation works until then"`
	UsedAt    *time.Time `json:"last_used_at" doc:"give or take half a minute"`
	CreatedAt time.Time  `json:"created_at"`
	Key       string     `json:"key,omitempty" doc:"the key itself: shown this once"`
}

func newAPIKeyBody(k coupon.APIKey, text string) apiKeyBody {
	networks := make([]string, len(k.Networks))
	for i, network := range k.Networks {
		networks[i] = network.String()
	}
	return apiKeyBody{k.ID, k.Name, k.OwnerID, k.Prefix, k.Scopes, networks, k.ExpiresAt, k.OldSecretUntil, k.LastUsedAt, k.CreatedAt, text}
}

type createAPIKeyRequest struct {
	Body struct {
		Name      string       `json:"name" minLength:"1" maxLength:"200"`
		OwnerID   *uuid.UUID   `json:"owner_id,omitempty" format:"uuid" doc:"whom the key acts for; you, if left out"`
		Scopes    []auth.Scope `json:"scopes" enum:"books:read,books:write,claims:write,coupons:redeem,coupons:write,jobs:read,pools:read,pools:write,distributions:write,events:read,webhooks:read,webhooks:write"`
		Networks  []string     `json:"networks,omitempty" maxItems:"20" doc:"addresses or networks from where the key may be used; left out: from anywhere" example:"[\"192.0.2.0/24\"]"`
		ExpiresAt *time.Time   `json:"expires_at,omitempty"`
	}
}

type apiKeyResponse struct{ Body apiKeyBody }

// WithoutSecret is what a repeated request is told.
func (r *apiKeyResponse) WithoutSecret() any {
	kept := *r
	kept.Body.Key = ""
	return &kept
}

// createAPIKey makes a key. Its text is in this answer and nowhere else.
func (a *API) createAPIKey(ctx context.Context, in *createAPIKeyRequest) (*apiKeyResponse, error) {
	networks, err := networksOf(in.Body.Networks)
	if err != nil {
		return nil, err
	}
	key, text, err := a.Accounts.CreateAPIKey(ctx, principalOf(ctx), service.NewAPIKey{
		Name: in.Body.Name, OwnerID: in.Body.OwnerID, Scopes: in.Body.Scopes, Networks: networks, ExpiresAt: in.Body.ExpiresAt,
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

// networksOf reads networks; an address by itself is one, too.
func networksOf(texts []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		address, err := netip.ParseAddr(text)
		if networks[i] = netip.PrefixFrom(address, address.BitLen()); err == nil {
			continue
		}
		if networks[i], err = netip.ParsePrefix(text); err != nil {
			return nil, coupon.InvalidInput(coupon.Field{
				Pointer: "/networks/" + strconv.Itoa(i), Detail: "must be an address like 192.0.2.1, or a network like 192.0.2.0/24",
			})
		}
	}
	return networks, nil
}

type rotateAPIKeyRequest struct {
	ByID
	Body *struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"how long the old secret works too; a day if left out, at most a week"`
	}
}

// rotateAPIKey gives a key a new secret. Its text is in this answer and nowhere else.
func (a *API) rotateAPIKey(ctx context.Context, in *rotateAPIKeyRequest) (*apiKeyResponse, error) {
	overlap := coupon.KeyOverlap
	if in.Body != nil && in.Body.OverlapSeconds != nil {
		overlap = time.Duration(*in.Body.OverlapSeconds) * time.Second
	}
	key, text, err := a.Accounts.RotateAPIKey(ctx, principalOf(ctx), in.ID, overlap)
	if err != nil {
		return nil, err
	}
	return &apiKeyResponse{newAPIKeyBody(key, text)}, nil
}

// revokeAPIKey ends a key for good.
func (a *API) revokeAPIKey(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.RevokeAPIKey(ctx, principalOf(ctx), in.ID)
}
