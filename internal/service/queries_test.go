package service_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// ask runs an operator's query as psql does, and returns some columns of its rows.
func (h *house) ask(t *testing.T, query, about string, columns ...string) (answer []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy/queries", query))
	require.NoError(t, err)
	rows, err := h.pool.Query(t.Context(), strings.NewReplacer(":'who'", "$1", ":'coupon'", "$1").Replace(string(text)), about)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	require.NoError(t, err)
	for _, row := range found {
		line := make([]string, len(columns))
		for i, column := range columns {
			require.Contains(t, row, column)
			line[i] = fmt.Sprint(row[column])
		}
		answer = append(answer, strings.Join(line, " "))
	}
	return answer
}

func TestWhyWasIRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	for range 2 {
		_, err := h.claims.Submit(t.Context(), fixture.Owner(book), service.ClaimRequest{
			BookID: book.ID, Count: 1, For: coupon.UserRef{ExternalID: "customer-42", Email: "eve@example.com"}, CreateMissing: true,
		})
		require.NoError(t, err)
	}
	h.drain(t, book.ID)
	for _, who := range []string{"customer-42", "eve@example.com", "Eve@Example.com"} {
		require.Equal(t, []string{"claim failed sold_out", "claim succeeded <nil>"},
			h.ask(t, "why-refused.sql", who, "kind", "status", "error_code"))
	}
	require.Empty(t, h.ask(t, "why-refused.sql", "customer-43"))
}

func TestWhereIsMyWebhook(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 3, 0)
	r := fixture.NewReceiver(t)
	endpoint, _ := h.listen(t, fixture.Owner(book), r, "coupon.assigned")
	user := fixture.User(t, h.pool, coupon.UserRole)
	got, err := h.claim(t, user, book.ID, 3)
	require.NoError(t, err)
	h.drain(t, book.ID)
	coupons := h.job(t, got.Job.ID).Coupons
	_, err = h.till.Lock(t.Context(), user, postgres.CouponRef{ID: &coupons[2].ID}, service.LockInput{})
	require.NoError(t, err)
	told := func(n int) []string {
		return h.ask(t, "where-webhook.sql", coupons[n].ID.String(), "type", "url", "status", "status_code")
	}
	require.Equal(t, []string{"coupon.assigned <nil> not dealt out yet <nil>"}, told(0))
	h.dispatch(t, 1)
	require.Equal(t, []string{"coupon.assigned " + r.URL + " pending <nil>"}, told(0))
	h.deliver(t, endpoint)
	for n := range 2 {
		require.Equal(t, []string{"coupon.assigned " + r.URL + " succeeded 204"}, told(n), "all three travel together")
	}
	require.Eventually(t, func() bool { // other tests' transactions hold it back for a moment
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		return told(2)[1] == "coupon.locked <nil> nobody wanted it <nil>"
	}, time.Minute, 20*time.Millisecond)
}
