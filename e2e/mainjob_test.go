package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/client/api"
	"couponbook/internal/showcase"
)

// The main job, by hand: a book, codes, an account, a claim that is answered
// in one round trip with its code, and the code among one's coupons.
func TestTheMainJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, guest := h.admin(t)
	book, err := admin.NewBook(t.Context(), "Sale", 10, nil)
	require.NoError(t, err)
	require.NoError(t, guest.Register(t.Context(), "ann@example.com", "a long enough password"))
	token, err := guest.SignIn(t.Context(), "ann@example.com", "a long enough password")
	require.NoError(t, err)
	ann := guest.As(token)

	job, err := ann.Claim(t.Context(), book, api.Claim{}, "my-key", client.Header{Name: "Prefer", Value: "wait=5"})
	require.NoError(t, err)
	require.Equal(t, "succeeded", job.Status)
	require.Len(t, job.Result.Coupons, 1)
	again, err := ann.Claim(t.Context(), book, api.Claim{}, "my-key")
	require.NoError(t, err)
	require.Equal(t, job, again)

	var mine struct {
		Data []struct {
			ID    uuid.UUID `json:"id"`
			Code  string    `json:"code"`
			State string    `json:"state"`
		} `json:"data"`
	}
	require.NoError(t, ann.Do(t.Context(), http.MethodGet, "/api/v1/me/coupons", nil, &mine))
	require.Len(t, mine.Data, 1)
	require.Equal(t, job.Result.Coupons[0].Code, mine.Data[0].Code)
	require.Equal(t, "ASSIGNED", mine.Data[0].State)
	h.verify(t)
}

// The classic test with two API and two worker processes: 1,000 people, 100
// codes, all of it exact and in the order of acceptance. Told to stop, every
// process ends well.
func TestTheFlashSale(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 2)
	h.sale(t, 1000, 100)
	h.verify(t)
	for _, p := range append(h.apis, h.workers...) {
		require.NoError(t, p.stop(t), p.name)
	}
}

// Everything that couponctl showcase shows is as it must be.
func TestTheShowcase(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, guest := h.admin(t)
	var out strings.Builder
	failed, err := showcase.Play(t.Context(), &out, guest, admin)
	require.NoError(t, err)
	require.Zero(t, failed, "%s", out.String())
	t.Logf("\n%s", out.String())
	h.verify(t)
}
