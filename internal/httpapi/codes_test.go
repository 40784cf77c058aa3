package httpapi

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// A preview shows what would be made, and whether it could be.
func TestPreviewOfCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	manager := h.person(t, coupon.Manager)
	preview := func(body string) (seen previewBody) {
		got := h.call(t, manager, http.MethodPost, "/api/v1/codes/preview", body)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		got.read(t, &seen)
		return seen
	}
	seen := preview(`{"count": 1000, "prefix": "VIP-", "length": 4, "charset": "digits"}`)
	require.Len(t, seen.Examples, 5)
	for _, code := range seen.Examples {
		require.Regexp(t, `^VIP-\d{4}$`, code)
	}
	require.InDelta(t, 10_000, seen.Keyspace, 1e-6)
	require.InDelta(t, 0.1, seen.GuessOdds, 1e-9)
	require.Equal(t, []int{4, 9}, []int{seen.Random, seen.Needs})
	require.Contains(t, *seen.Problem, "one guess in 10 would meet a code")

	seen = preview(`{"count": 1000, "pattern": "{}-{2}", "characters": "abcdefgh", "length": 10}`)
	require.Nil(t, seen.Problem)
	require.Regexp(t, `^[a-h]{10}-[a-h]{2}$`, seen.Examples[0])
	require.InDelta(t, 36, seen.Bits, 1e-9)

	got := h.call(t, manager, http.MethodPost, "/api/v1/codes/preview", `{"count": 1000, "pattern": "no spaces"}`)
	require.Equal(t, "/pattern", got.problem.Errors[0].Pointer)
	require.Equal(t, "invalid_input", got.problem.Code)
}

// A job that can find no more codes says so; what it made stays and is counted.
func TestExhaustedCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	manager := h.token(t, fixture.Owner(book))
	body := `{"count": 40, "pattern": "Z##", "charset": "digits", "allow_guessable": true}`
	for _, want := range []progressBody{
		{Total: 40, Processed: 40, Succeeded: 40}, {Total: 40, Processed: 40, Succeeded: 40}, {Total: 40, Processed: 20, Succeeded: 20},
	} {
		var job jobBody
		h.call(t, manager, http.MethodPost, bookPath(book, "/codes/generate"), body).read(t, &job)
		_, err := h.service.Generate(context.WithoutCancel(t.Context()), job.ID)
		require.NoError(t, err)
		h.call(t, manager, http.MethodGet, "/api/v1/jobs/"+job.ID.String(), nil).read(t, &job)
		require.Equal(t, want, job.Progress)
		if want.Total > want.Processed {
			require.Equal(t, coupon.Failed, job.Status)
			require.Equal(t, "codes_exhausted", job.Error.Code)
		}
	}
	fixture.Verify(t, h.pool)
}

// Who types the letters that look like the digits of a code finds it; a coupon
// whose code has those letters comes first.
func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2, 0)
	user := fixture.Users(t, h.pool, 1)[0]
	fixture.Queued(t, h.pool, book.ID, append(fixture.Users(t, h.pool, 0), user, user), 1)
	_, err := h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `
		UPDATE coupons c SET code = made.code, normalised = made.code
		FROM (SELECT id, (ARRAY['HELLO10', 'HELLOIO'])[row_number() OVER (ORDER BY id)] AS code FROM coupons) made WHERE made.id = c.id`)
	require.NoError(t, err)
	for typed, code := range map[string]string{
		"hello-10": "HELLO10", "hello-l0": "HELLO10", "hello%201o": "HELLO10", "HELLO-lO": "HELLO10", "hello-io": "HELLOIO",
	} {
		var seen couponBody
		got := h.call(t, h.token(t, user), http.MethodGet, "/api/v1/coupons/"+typed, nil)
		require.Equal(t, http.StatusOK, got.status, "%s: %s", typed, got.body)
		got.read(t, &seen)
		require.Equal(t, code, seen.Code, typed)
	}
	require.Equal(t, "coupon_unavailable", h.call(t, h.token(t, user), http.MethodGet, "/api/v1/coupons/HELL0-10", nil).problem.Code)
}
