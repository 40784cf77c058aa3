package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

type poolBody struct {
	ID          uuid.UUID `json:"id"`
	OwnerID     uuid.UUID `json:"owner_id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Members     int       `json:"members" doc:"how many there are"`
	Version     int       `json:"version"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func newPoolBody(p coupon.Pool) poolBody {
	return poolBody{p.ID, p.OwnerID, p.Name, p.Description, p.Members, p.Version, p.CreatedAt, p.UpdatedAt}
}

type poolResponse struct {
	ETag string `header:"ETag" doc:"the pool's version; send it as If-Match to change that very one"`
	Body poolBody
}

func answerPool(p coupon.Pool, err error) (*poolResponse, error) {
	if err != nil {
		return nil, err
	}
	return &poolResponse{etag(p.Version), newPoolBody(p)}, nil
}

type createPoolRequest struct {
	Body struct {
		Name        string `json:"name" example:"Newsletter"`
		Description string `json:"description,omitempty"`
	}
}

// createPool makes a pool without members.
func (a *API) createPool(ctx context.Context, in *createPoolRequest) (*poolResponse, error) {
	return answerPool(a.Service.CreatePool(ctx, principalOf(ctx), coupon.PoolSettings{Name: in.Body.Name, Description: in.Body.Description}))
}

// getPool reads a pool.
func (a *API) getPool(ctx context.Context, in *ByID) (*poolResponse, error) {
	return answerPool(a.Service.Pool(ctx, principalOf(ctx), in.ID))
}

type editPoolRequest struct {
	ByID
	IfMatch string `header:"If-Match" doc:"the ETag of the pool you read: 412 if it has changed since"`
	Body    struct {
		Name        *string `json:"name,omitempty"`
		Description *string `json:"description,omitempty"`
	}
}

// editPool changes what is given of a pool.
func (a *API) editPool(ctx context.Context, in *editPoolRequest) (*poolResponse, error) {
	return answerPool(a.Service.EditPool(ctx, principalOf(ctx), in.ID, versionOf(in.IfMatch), func(s *coupon.PoolSettings) {
		set(in.Body.Name, &s.Name)
		set(in.Body.Description, &s.Description)
	}))
}

// deletePool takes a pool out of sight.
func (a *API) deletePool(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Service.DeletePool(ctx, principalOf(ctx), in.ID)
}

type poolsResponse struct{ Body page[poolBody] }

// listPools lists the pools that the caller manages, newest first.
func (a *API) listPools(ctx context.Context, in *Paging) (*poolsResponse, error) {
	var after idCursor
	if err := a.Cursors.read("pools", in.Cursor, &after); err != nil {
		return nil, err
	}
	pools, err := a.Service.Pools(ctx, principalOf(ctx), after.Before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "pools", pools, in.Limit, newPoolBody, func(p coupon.Pool) any { return idCursor{&p.ID} })
	return &poolsResponse{body}, err
}
