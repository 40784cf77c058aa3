package e2e

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/client/api"
)

// The secret is changed on two API processes, one after the other. At any moment,
// who signed in and locked a coupon at one of them can go on at the other. What
// the old secret signed ends with the last step, and not before.
func TestChangingTheSecret(t *testing.T) {
	t.Parallel()
	const next = "the secret that comes next, of more than 32 bytes"
	h := newHouse(t, 2, 1)
	coupon := h.held(t)
	signedIn, err := client.New(h.apis[0].url, 1).SignIn(t.Context(), adminEmail, adminPassword)
	require.NoError(t, err)

	for step, env := range [][]string{
		{"AUTH_SECRET_PREVIOUS=" + next},                          // all believe the new one
		{"AUTH_SECRET=" + next, "AUTH_SECRET_PREVIOUS=" + secret}, // all sign with it
		{"AUTH_SECRET=" + next},                                   // nobody believes the old one
	} {
		h.env = env
		for i, old := range h.apis {
			h.apis[i] = h.startAPI(t)
			require.NoError(t, old.stop(t))
			h.lockAcross(t, coupon)
			err := client.New(h.apis[i].url, 1).As(signedIn).Do(t.Context(), http.MethodGet, "/api/v1/me", nil, nil)
			if step < 2 {
				require.NoError(t, err)
				continue
			}
			var refused *client.ProblemError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, http.StatusUnauthorized, refused.Status)
		}
	}
	h.verify(t)
}

// held is a coupon of the administrator.
func (h *house) held(t *testing.T) uuid.UUID {
	t.Helper()
	admin, _ := h.admin(t)
	book, err := admin.NewBook(t.Context(), "Secrets", 1, nil)
	require.NoError(t, err)
	job, err := admin.Claim(t.Context(), book, api.Claim{}, "")
	require.NoError(t, err)
	job, err = admin.Finish(t.Context(), job.ID)
	require.NoError(t, err)
	return job.Result.Coupons[0].ID
}

// lockAcross signs in and locks a coupon at each API process, and unlocks it at
// the other.
func (h *house) lockAcross(t *testing.T, coupon uuid.UUID) {
	t.Helper()
	for i := range h.apis {
		here, there := client.New(h.apis[i].url, 1), client.New(h.apis[1-i].url, 1)
		token, err := here.SignIn(t.Context(), adminEmail, adminPassword)
		require.NoError(t, err)
		locked, err := client.Read[api.LockResponse](here.As(token).API().LockCoupon(t.Context(), coupon.String(), nil, api.Lock{}))
		require.NoError(t, err)
		_, err = client.Read[struct{}](there.As(token).API().UnlockCoupon(t.Context(), coupon.String(), nil, api.UnlockRequest{LockToken: &locked.LockToken}))
		require.NoError(t, err)
	}
}
