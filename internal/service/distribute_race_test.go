package service_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// Two distributions and a rush of claims on one book at once: nothing is given
// twice, and no limit is exceeded.
func TestDistributionsBesideClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 6000, 3)
	users := fixture.Users(t, h.pool, 2500)
	owner := fixture.Owner(book)
	var jobs []coupon.Job
	for _, terms := range []coupon.DistributionTerms{partial(equal(2)), partial(random(2000))} {
		job, err := h.gives(t, book, fixture.Pool(t, h.pool, owner, users), service.DistributionRequest{Terms: terms})
		require.NoError(t, err)
		jobs = append(jobs, job)
	}
	_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET submitter_id = $1 WHERE id = $2`, users[0].UserID, jobs[1].ID)
	require.NoError(t, err, "one submitter's would run one after the other")
	ctx := within(t, time.Minute)
	together(12, func(i int) {
		if i < 2 {
			_, err := h.service.Distribute(ctx, jobs[i].ID)
			require.NoError(t, err)
			return
		}
		for n := range 60 {
			_, err := h.claims.Submit(ctx, users[i*100+n], service.ClaimRequest{BookID: book.ID, Count: 1})
			if !errors.Is(err, coupon.ErrSoldOut) { // once all are gone
				require.NoError(t, err)
			}
			_, err = h.drainer.Drain(ctx, book.ID)
			require.NoError(t, err)
		}
	})
	h.drain(t, book.ID)
	given := 0
	for user, n := range h.held(t, book.ID) {
		require.LessOrEqual(t, n, 3, user)
		given += n
	}
	require.EqualValues(t, 6000-given, h.stock(t, book.ID).Free)
	require.Positive(t, fixture.Outcomes(t, h.pool, book.ID)["succeeded"])
	for _, job := range jobs {
		require.True(t, h.job(t, job.ID).Done())
	}
	fixture.Verify(t, h.pool)
}
