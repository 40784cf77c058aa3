package service_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// planned is a book with a pool and a plan for it.
type planned struct {
	*house
	book  coupon.Book
	pool  coupon.Pool
	users []auth.Principal
	plan  coupon.Job
}

// newPlan plans to deal so many coupons to ten members, of whom the first two
// are disabled.
func newPlan(t *testing.T, codes, count int) *planned {
	t.Helper()
	p := &planned{house: newHouse(t)}
	p.book, p.users = fixture.Book(t, p.house.pool, codes, 5), fixture.Users(t, p.house.pool, 10)
	p.disable(t, p.users[:2])
	p.pool = fixture.Pool(t, p.house.pool, fixture.Owner(p.book), p.users)
	p.plan = p.distribute(t, p.book, p.pool, service.DistributionRequest{Terms: random(count), DryRun: true})
	require.Equal(t, coupon.Succeeded, p.plan.Status, "%+v", p.plan.ErrorDetail)
	return p
}

// carryOut runs the plan.
func (p *planned) carryOut(t *testing.T) coupon.Job {
	t.Helper()
	return p.distribute(t, p.book, p.pool, service.DistributionRequest{PlanID: &p.plan.ID})
}

// A plan is carried out exactly: everyone gets what it says, though somebody who
// was disabled then could take some by now.
func TestPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 40, 21)
	require.Equal(t, []int{10, 21, 0, 19}, func() []int {
		r := resultOf(t, p.plan)
		return []int{r.Members, r.Planned, r.Granted, r.Left}
	}())
	owner := fixture.Owner(p.book)
	listed, err := p.service.Outcomes(t.Context(), owner, p.plan.ID, coupon.OutcomeFilter{}, 100)
	require.NoError(t, err)
	want := map[uuid.UUID]int{}
	for _, o := range listed {
		if *o.Planned > 0 {
			want[*o.UserID] = *o.Planned
		}
	}
	require.Len(t, want, 8)
	_, err = p.house.pool.Exec(t.Context(), `UPDATE users SET disabled_at = NULL`)
	require.NoError(t, err)
	job := p.carryOut(t)
	require.Equal(t, coupon.Succeeded, job.Status, "%+v", job)
	require.Equal(t, want, p.held(t, p.book.ID))
	require.Equal(t, map[string]int{"granted 3 ": 5, "granted 2 ": 3, "skipped 0 user_disabled": 2}, p.gifts(t, job.ID))
	result := resultOf(t, job)
	require.Equal(t, []int{10, 21, 21, 19}, []int{result.Members, result.Planned, result.Granted, result.Left})

	_, err = p.gives(t, p.book, p.pool, service.DistributionRequest{PlanID: &p.plan.ID})
	require.ErrorIs(t, err, coupon.ErrPlanUsed, "a second start")
	require.Equal(t, 1, p.count(t, `SELECT count(*) FROM distributions WHERE NOT dry_run`))
	filtered, err := p.service.Outcomes(t.Context(), owner, p.plan.ID, coupon.OutcomeFilter{Status: new(coupon.OutcomeSkipped), After: 1}, 100)
	require.NoError(t, err)
	require.Len(t, filtered, 1)
	fixture.Verify(t, p.house.pool)
}

// The hash names the plan: the same for the same world, another for another.
func TestPlanHash(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 100, 16) // two each: nothing to draw
	hash := func(in service.DistributionRequest) string {
		in.DryRun = true
		return resultOf(t, p.distribute(t, p.book, p.pool, in)).Plan.Hash
	}
	first := resultOf(t, p.plan).Plan.Hash
	require.Equal(t, first, hash(service.DistributionRequest{Terms: random(16)}))
	require.NotEqual(t, first, hash(service.DistributionRequest{Terms: random(24)}))
	require.NotEqual(t, first, hash(service.DistributionRequest{Terms: equal(2)}))
	_, err := p.service.AddMembers(t.Context(), fixture.Owner(p.book), p.pool.ID, []coupon.UserRef{{ID: &p.book.OwnerID}}, false)
	require.NoError(t, err)
	require.NotEqual(t, first, hash(service.DistributionRequest{Terms: random(16)}))
}

// A plan that does not fit the world any more gives nobody anything, and says
// what has changed. What does not matter to it may change.
func TestPlanThatIsStale(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		says   string // empty: it still fits
	}{
		"a member more":    {`INSERT INTO pool_members SELECT p.id, b.owner_id FROM pools p, books b`, "the pool has other members"},
		"another member":   {`UPDATE pool_members SET user_id = (SELECT owner_id FROM books) WHERE user_id = (SELECT max(user_id::text)::uuid FROM pool_members)`, "the pool has other members"},
		"one is disabled":  {`UPDATE users SET disabled_at = now() WHERE id = (SELECT max(user_id::text)::uuid FROM pool_members)`, "1 recipients are disabled or have reached the book's limit"},
		"one has claimed":  {`INSERT INTO book_user_limits (book_id, user_id, used) SELECT id, (SELECT max(user_id::text)::uuid FROM pool_members), 4 FROM books`, "1 recipients are disabled or have reached the book's limit"},
		"a lower limit":    {`UPDATE books SET max_assignments_per_user = 1`, "8 recipients are disabled or have reached the book's limit"},
		"fewer coupons":    {`UPDATE book_stock SET free = 15, disabled = total - 15`, "16 coupons are needed and 15 are free"},
		"others promised":  {`UPDATE book_stock SET reserved = 90`, "16 coupons are needed and 10 are free"},
		"one claims a bit": {`INSERT INTO book_user_limits (book_id, user_id, used) SELECT id, (SELECT max(user_id::text)::uuid FROM pool_members), 3 FROM books`, ""},
		"a higher limit":   {`UPDATE books SET max_assignments_per_user = NULL`, ""},
		"just enough":      {`UPDATE book_stock SET free = 16, disabled = total - 16`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlan(t, 100, 16)
			_, err := p.house.pool.Exec(t.Context(), c.change)
			require.NoError(t, err)
			job := p.carryOut(t)
			if c.says == "" {
				require.Equal(t, coupon.Succeeded, job.Status)
				return
			}
			require.Equal(t, coupon.Failed, job.Status)
			require.Equal(t, "plan_stale", *job.ErrorCode)
			require.Contains(t, *job.ErrorDetail, c.says)
			require.Empty(t, p.gifts(t, job.ID))
			require.Zero(t, p.count(t, `SELECT count(*) FROM coupons WHERE user_id IS NOT NULL`))
		})
	}
}

// A plan that cannot be carried out at all is refused at once.
func TestPlanRefused(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 100, 16)
	owner := fixture.Owner(p.book)
	other := fixture.Pool(t, p.house.pool, owner, p.users[:1])
	start := func(pool coupon.Pool, plan uuid.UUID) error {
		_, err := p.gives(t, p.book, pool, service.DistributionRequest{PlanID: &plan})
		return err
	}
	require.ErrorIs(t, start(other, p.plan.ID), coupon.ErrPlanNotFound, "of another pool")
	waiting, err := p.gives(t, p.book, p.pool, service.DistributionRequest{Terms: equal(1), DryRun: true})
	require.NoError(t, err)
	require.ErrorIs(t, start(p.pool, waiting.ID), coupon.ErrPlanNotReady, "it is not planned yet")
	short := p.distribute(t, p.book, p.pool, service.DistributionRequest{Terms: random(50), DryRun: true})
	require.Equal(t, coupon.Failed, short.Status)
	require.ErrorIs(t, start(p.pool, short.ID), coupon.ErrPlanNotReady, "it has no plan")
	carried := p.distribute(t, p.book, p.pool, service.DistributionRequest{Terms: equal(1)})
	require.ErrorIs(t, start(p.pool, carried.ID), coupon.ErrPlanNotFound, "it is no plan")
	_, err = p.house.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = finished_at - interval '24 hours' WHERE id = $1`, p.plan.ID)
	require.NoError(t, err)
	require.ErrorIs(t, start(p.pool, p.plan.ID), coupon.ErrPlanExpired)
	require.Equal(t, 1, p.count(t, `SELECT count(*) FROM distributions WHERE NOT dry_run`))
}

// A plan whose rows are gone ends its job with a reason, and keeps nothing
// promised; it does not go round for ever.
func TestPlanWithoutRows(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 100, 16)
	_, err := p.house.pool.Exec(t.Context(), `DELETE FROM distribution_rows WHERE n > 5`)
	require.NoError(t, err)
	job := p.carryOut(t)
	require.Equal(t, "plan_stale", *job.ErrorCode)
	require.Zero(t, p.stock(t, p.book.ID).Reserved)
	fixture.Verify(t, p.house.pool)
}

// Codes whose own end has passed are not planned with, swept or not.
func TestPlanKnowsWhatIsOver(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 20, 16)
	_, err := p.house.pool.Exec(t.Context(), `
		UPDATE coupons SET expires_at = clock_timestamp() WHERE id IN (SELECT id FROM coupons LIMIT 5)`)
	require.NoError(t, err)
	short := p.distribute(t, p.book, p.pool, service.DistributionRequest{Terms: random(16)})
	require.Equal(t, "distribution_shortage", *short.ErrorCode)
	require.Contains(t, *short.ErrorDetail, "15 are free")
}

// The rows of a plan stay for as long as it can be carried out, or is; then the
// sweeper drops them.
func TestRowsOfPlansAreDropped(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 100, 16)
	sweep := func() int {
		require.NoError(t, p.sweeper.Rows(t.Context()))
		return p.count(t, `SELECT count(DISTINCT job_id) FROM distribution_rows`)
	}
	require.Equal(t, 1, sweep())
	job, err := p.gives(t, p.book, p.pool, service.DistributionRequest{PlanID: &p.plan.ID})
	require.NoError(t, err)
	_, err = p.house.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = finished_at - interval '26 hours' WHERE finished_at IS NOT NULL`)
	require.NoError(t, err)
	require.Equal(t, 1, sweep(), "a run needs them")
	p.run(t, job)
	require.Equal(t, 8, p.job(t, job.ID).Succeeded)
	require.Zero(t, sweep())
}
