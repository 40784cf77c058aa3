package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// A user has fifty webhook endpoints at most; one that is deleted makes room.
func TestTooManyEndpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := fixture.User(t, h.pool, coupon.Manager)
	settings := coupon.EndpointSettings{URL: fixture.NewReceiver(t).URL, Events: []string{"*"}}
	var last coupon.Endpoint
	for range 50 {
		made, _, err := h.webhooks.CreateEndpoint(t.Context(), owner, settings)
		require.NoError(t, err)
		last = made
	}
	_, _, err := h.webhooks.CreateEndpoint(t.Context(), owner, settings)
	require.ErrorIs(t, err, coupon.ErrEndpointsMany)
	require.NoError(t, h.webhooks.DeleteEndpoint(t.Context(), owner, last.ID))
	_, _, err = h.webhooks.CreateEndpoint(t.Context(), owner, settings)
	require.NoError(t, err)
}

// One request names ten thousand members at most.
func TestTooManyMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := fixture.User(t, h.pool, coupon.Manager)
	pool := fixture.Pool(t, h.pool, owner, nil)
	refs := make([]coupon.UserRef, coupon.MaxMembersAdded+1)
	_, err := h.service.AddMembers(t.Context(), owner, pool.ID, refs, false)
	require.Equal(t, "/members", fault(err))
}
