package service_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// terms that fail on a shortage.
func equal(perUser int) coupon.DistributionTerms {
	return coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: perUser, OnShortage: coupon.FailOnShortage}
}

func random(count int) coupon.DistributionTerms {
	return coupon.DistributionTerms{Mode: coupon.RandomMode, Count: count, OnShortage: coupon.FailOnShortage}
}

func partial(t coupon.DistributionTerms) coupon.DistributionTerms {
	t.OnShortage = coupon.PartialOnShortage
	return t
}

// gives submits a distribution.
func (h *house) gives(t *testing.T, book coupon.Book, pool coupon.Pool, in service.DistributionRequest) (coupon.Job, error) {
	t.Helper()
	in.PoolID = pool.ID
	if in.PlanID == nil {
		in.BookID = book.ID
	}
	submitted, err := h.service.SubmitDistribution(t.Context(), fixture.Owner(book), in)
	return submitted.Job, err
}

// distribute runs a distribution to its end, twice, and returns its job.
func (h *house) distribute(t *testing.T, book coupon.Book, pool coupon.Pool, in service.DistributionRequest) coupon.Job {
	t.Helper()
	job, err := h.gives(t, book, pool, in)
	require.NoError(t, err)
	h.run(t, job)
	return h.job(t, job.ID)
}

// run runs a bulk job as its task does, twice: a task may come again.
func (h *house) run(t *testing.T, job coupon.Job) {
	t.Helper()
	for range 2 {
		_, err := h.service.RunBulk(t.Context(), job.Kind, job.ID)
		require.NoError(t, err)
	}
}

// told is what a distribution has come to.
type told struct {
	Plan *struct {
		ID   uuid.UUID
		Hash string
	}
	Members, Planned, Granted, Left int
	Gets                            []struct{ Coupons, Recipients int }
	Reasons                         map[string]int
}

func resultOf(t *testing.T, job coupon.Job) (result told) {
	t.Helper()
	require.NotNil(t, job.Result, "%+v", job)
	require.NoError(t, json.Unmarshal(job.Result, &result))
	return result
}

// gifts counts a job's outcomes as "status coupons reason".
func (h *house) gifts(t *testing.T, job uuid.UUID) map[string]int {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `
		SELECT status || ' ' || coalesce(cardinality(coupon_ids), 0) || ' ' || coalesce(reason, ''), count(*)
		FROM job_outcomes WHERE job_id = $1 GROUP BY 1`, job)
	require.NoError(t, err)
	counts := map[string]int{}
	var name string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { counts[name] = n; return nil })
	require.NoError(t, err)
	return counts
}

// held counts the coupons of a book that each user has.
func (h *house) held(t *testing.T, book uuid.UUID) map[uuid.UUID]int {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `SELECT user_id, count(*) FROM coupons WHERE book_id = $1 AND user_id IS NOT NULL GROUP BY 1`, book)
	require.NoError(t, err)
	counts := map[uuid.UUID]int{}
	var user uuid.UUID
	var n int
	_, err = pgx.ForEachRow(rows, []any{&user, &n}, func() error { counts[user] = n; return nil })
	require.NoError(t, err)
	return counts
}

// Every member gets as many, in more than one part; it is counted, told and free
// of anomalies.
func TestDistributeEqually(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5000, 2)
	users := fixture.Users(t, h.pool, 2300)
	job := h.distribute(t, book, fixture.Pool(t, h.pool, fixture.Owner(book), users), service.DistributionRequest{Terms: equal(2)})
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, []int{2300, 2300, 2300, 0, 0}, []int{job.Total, job.Processed, job.Succeeded, job.Skipped, job.Failed})
	result := resultOf(t, job)
	require.Equal(t, []int{2300, 4600, 4600, 400}, []int{result.Members, result.Planned, result.Granted, result.Left})
	require.Equal(t, map[string]int{"granted 2 ": 2300}, h.gifts(t, job.ID))
	held := h.held(t, book.ID)
	require.Len(t, held, 2300)
	for user, n := range held {
		require.Equal(t, 2, n, user)
	}
	stock := h.stock(t, book.ID)
	require.Equal(t, []int64{400, 0}, []int64{stock.Free, stock.Reserved})
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.started'`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.completed' AND (data ->> 'coupons')::int = 4600`))
	require.Positive(t, h.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.progress'`))
	fixture.Verify(t, h.pool)
}

// Who is disabled or has enough is skipped, who has some gets less; the plan
// says so before.
func TestDistributeWithinLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 100, 3)
	users := fixture.Users(t, h.pool, 10)
	fixture.Queued(t, h.pool, book.ID, users[:1], 3)
	fixture.Queued(t, h.pool, book.ID, users[1:2], 2)
	h.drain(t, book.ID)
	h.disable(t, users[2:4])
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), append(users, users...)) // each twice
	require.Equal(t, 10, pool.Members)
	plan := h.distribute(t, book, pool, service.DistributionRequest{Terms: equal(2), DryRun: true})
	require.Equal(t, coupon.Succeeded, plan.Status)
	require.Equal(t, []int{10, 7, 3}, []int{plan.Processed, plan.Succeeded, plan.Skipped})
	planned := resultOf(t, plan)
	require.Equal(t, []int{13, 0, 95 - 13}, []int{planned.Planned, planned.Granted, planned.Left})
	require.Equal(t, map[string]int{"user_disabled": 2, "limit_reached": 2}, planned.Reasons, "of the latter one gets less")
	require.Empty(t, h.gifts(t, plan.ID), "a plan gives nothing")
	listed, err := h.service.Outcomes(t.Context(), fixture.Owner(book), plan.ID, coupon.OutcomeFilter{}, 100)
	require.NoError(t, err)
	require.Len(t, listed, 10)
	require.Equal(t, coupon.OutcomeSkipped, listed[0].Status)
	require.Equal(t, coupon.RowLimitReached, *listed[0].Reason)
	require.Equal(t, []int{0, 1, 0, 0, 2}, []int{*listed[0].Planned, *listed[1].Planned, *listed[2].Planned, *listed[3].Planned, *listed[4].Planned})

	job := h.distribute(t, book, pool, service.DistributionRequest{Terms: equal(2)})
	require.Equal(t, coupon.Succeeded, job.Status, "skips were to be expected")
	require.Equal(t, map[string]int{"granted 2 ": 6, "granted 1 limit_reached": 1, "skipped 0 user_disabled": 2, "skipped 0 limit_reached": 1}, h.gifts(t, job.ID))
	require.Equal(t, map[string]int{"user_disabled": 2, "limit_reached": 2}, resultOf(t, job).Reasons)
	fixture.Verify(t, h.pool)
}

func (h *house) disable(t *testing.T, users []auth.Principal) {
	t.Helper()
	for _, user := range users {
		_, err := h.pool.Exec(t.Context(), `UPDATE users SET disabled_at = now() WHERE id = $1`, user.UserID)
		require.NoError(t, err)
	}
}

// A number of coupons is dealt in rounds; who gets what the last round has too
// few of is drawn, and everyone is as likely.
func TestDistributeAtRandom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	users := fixture.Users(t, h.pool, 40)
	const runs, extras = 30, 10
	drawn := map[uuid.UUID]int{}
	for range runs {
		book := fixture.Book(t, h.pool, 60, 0)
		job := h.distribute(t, book, fixture.Pool(t, h.pool, fixture.Owner(book), users), service.DistributionRequest{Terms: random(40 + extras)})
		require.Equal(t, coupon.Succeeded, job.Status)
		require.Equal(t, map[string]int{"granted 1 ": 30, "granted 2 ": 10}, h.gifts(t, job.ID))
		for user, n := range h.held(t, book.ID) {
			drawn[user] += n - 1
		}
	}
	// Each of 40 is drawn with 1/4 in each run.
	chi, want := 0.0, float64(runs*extras)/40
	for _, user := range users {
		chi += math.Pow(float64(drawn[user.UserID])-want, 2) / (want * 0.75)
	}
	require.Less(t, chi, 39+6*math.Sqrt(2*39), "%v", drawn)
	require.Greater(t, chi, 39-4*math.Sqrt(2*39), "%v", drawn)
	fixture.Verify(t, h.pool)
}

// With too few coupons nobody gets any, or what there is is dealt: as was asked
// for. It is decided before the first one goes.
func TestDistributeAShortage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 15, 0)
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), fixture.Users(t, h.pool, 10))
	for name, terms := range map[string]coupon.DistributionTerms{"equal": equal(2), "random": random(16)} {
		for _, dryRun := range []bool{true, false} {
			job := h.distribute(t, book, pool, service.DistributionRequest{Terms: terms, DryRun: dryRun})
			require.Equal(t, coupon.Failed, job.Status, name)
			require.Equal(t, "distribution_shortage", *job.ErrorCode)
			require.Contains(t, *job.ErrorDetail, "15 are free")
			require.Zero(t, job.Processed)
		}
	}
	require.EqualValues(t, 15, h.stock(t, book.ID).Free)
	job := h.distribute(t, book, pool, service.DistributionRequest{Terms: partial(equal(2))})
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, map[string]int{"granted 2 ": 5, "granted 1 ": 5}, h.gifts(t, job.ID))
	job = h.distribute(t, book, pool, service.DistributionRequest{Terms: partial(random(3))})
	require.Equal(t, "distribution_shortage", *job.ErrorCode, "none is left")
	fixture.Codes(t, h.pool, fixture.Owner(book), book.ID, 4)
	job = h.distribute(t, book, pool, service.DistributionRequest{Terms: partial(equal(2))})
	require.Equal(t, map[string]int{"granted 1 ": 4, "skipped 0 not_drawn": 6}, h.gifts(t, job.ID))
	fixture.Verify(t, h.pool)
}

// What a distribution has been promised is not for claims, and what comes up
// between its plan and a recipient's turn is told.
func TestDistributeWhileThingsChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 12, 2)
	users := fixture.Users(t, h.pool, 6)
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), users)
	job, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(2)})
	require.NoError(t, err)
	// The stock is held, so that the run waits after it has looked at the members.
	held, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = held.Rollback(context.WithoutCancel(t.Context())) })
	_, err = held.Exec(t.Context(), `SELECT FROM book_stock WHERE book_id = $1 FOR UPDATE`, book.ID)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { _, err := h.service.Distribute(t.Context(), job.ID); ended <- err }()
	require.Eventually(t, func() bool {
		return h.count(t, `SELECT count(*) FROM distributions WHERE members = 6`) == 1
	}, 10*time.Second, time.Millisecond)
	h.disable(t, users[:1])
	_, err = held.Exec(t.Context(), `INSERT INTO book_user_limits (book_id, user_id, used) VALUES ($1, $2, 2), ($1, $3, 1)`,
		book.ID, users[1].UserID, users[2].UserID) // as if they had just claimed
	require.NoError(t, err)
	require.NoError(t, held.Commit(t.Context()))
	require.NoError(t, <-ended)
	require.Equal(t, map[string]int{"granted 2 ": 3, "granted 1 limit_reached": 1, "skipped 0 user_disabled": 1, "skipped 0 limit_reached": 1},
		h.gifts(t, job.ID))
	require.Equal(t, coupon.Succeeded, h.job(t, job.ID).Status)
	require.Zero(t, h.stock(t, book.ID).Reserved)
}

// Codes that are voided although they were promised are missing to the last
// recipients, who are told so.
func TestDistributeWithVoidedCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), fixture.Users(t, h.pool, 5))
	job, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(2)})
	require.NoError(t, err)
	h.pauseAfterPlan(t, job.ID)
	sold, err := h.claim(t, fixture.User(t, h.pool, coupon.UserRole), book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	require.Equal(t, "sold_out", *h.job(t, sold.Job.ID).ErrorCode, "all ten are promised")
	rows, err := h.pool.Query(t.Context(), `SELECT id FROM coupons WHERE book_id = $1 LIMIT 3`, book.ID)
	require.NoError(t, err)
	gone, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	for _, id := range gone {
		_, err = h.till.Void(t.Context(), fixture.Owner(book), service.CouponRef(id.String()), service.ReasonInput{Reason: "leaked"})
		require.NoError(t, err)
	}
	_, err = h.service.ResumeJob(t.Context(), fixture.Owner(book), job.ID)
	require.NoError(t, err)
	h.run(t, job)
	require.Equal(t, map[string]int{"granted 2 ": 3, "granted 1 no_coupon_left": 1, "failed 0 no_coupon_left": 1}, h.gifts(t, job.ID))
	require.Equal(t, coupon.PartiallySucceeded, h.job(t, job.ID).Status)
	fixture.Verify(t, h.pool)
}

// pauseAfterPlan runs a distribution until its coupons are promised, and pauses
// it before anybody gets one.
func (h *house) pauseAfterPlan(t *testing.T, job uuid.UUID) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `
		CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'held'; END $$;
		CREATE TRIGGER held BEFORE INSERT ON job_outcomes EXECUTE FUNCTION held()`)
	require.NoError(t, err)
	_, err = h.service.Distribute(t.Context(), job)
	require.ErrorContains(t, err, "held")
	_, err = h.pool.Exec(t.Context(), `DROP TRIGGER held ON job_outcomes; DROP FUNCTION held`)
	require.NoError(t, err)
	var owner uuid.UUID
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT submitter_id FROM jobs WHERE id = $1`, job).Scan(&owner))
	_, err = h.service.PauseJob(t.Context(), auth.Principal{UserID: owner, Role: coupon.Manager}, job)
	require.NoError(t, err)
}

// A book that is paused holds its distributions as it holds its claims; one that
// is closed ends them.
func TestDistributeFromABookThatStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	owner := fixture.Owner(book)
	pool := fixture.Pool(t, h.pool, owner, fixture.Users(t, h.pool, 5))
	move := func(to coupon.BookStatus) {
		_, err := h.service.MoveBook(t.Context(), owner, book.ID, to)
		require.NoError(t, err)
	}
	job, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(1)})
	require.NoError(t, err)
	move(coupon.Paused)
	h.run(t, job)
	require.Equal(t, coupon.Queued, h.job(t, job.ID).Status, "before it is planned")
	move(coupon.Active)
	h.pauseAfterPlan(t, job.ID)
	_, err = h.service.ResumeJob(t.Context(), owner, job.ID)
	require.NoError(t, err)
	move(coupon.Paused)
	h.run(t, job)
	require.Equal(t, coupon.Queued, h.job(t, job.ID).Status, "after it is planned")
	_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET created_at = created_at - interval '1 minute'`)
	require.NoError(t, err)
	due := func() bool {
		jobs, err := h.store.StaleBulk(t.Context())
		require.NoError(t, err)
		return slices.ContainsFunc(jobs, func(due postgres.BulkJob) bool { return due.ID == job.ID })
	}
	require.False(t, due(), "the sweeper leaves it")
	move(coupon.Active)
	require.True(t, due())
	h.run(t, job)
	require.Equal(t, map[string]int{"granted 1 ": 5}, h.gifts(t, job.ID))

	next, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(1)})
	require.NoError(t, err)
	h.pauseAfterPlan(t, next.ID)
	move(coupon.Closed)
	_, err = h.service.ResumeJob(t.Context(), owner, next.ID)
	require.NoError(t, err)
	h.run(t, next)
	require.Equal(t, map[string]int{"failed 0 book_not_active": 5}, h.gifts(t, next.ID))
	require.Equal(t, coupon.PartiallySucceeded, h.job(t, next.ID).Status)
	require.Zero(t, h.stock(t, book.ID).Reserved)
	fixture.Verify(t, h.pool)
}

// Runs that die in the middle, with the answer to a COMMIT lost, and are taken
// over by others, end as one that was never disturbed.
func TestDistributionsOutliveTheirRuns(t *testing.T) {
	t.Parallel()
	h, plain, proxy := newCutHouse(t)
	book := fixture.Book(t, plain, 7000, 2)
	users := fixture.Users(t, plain, 3300)
	_, err := plain.Exec(t.Context(), `UPDATE users SET disabled_at = now() WHERE id = ANY($1)`, []uuid.UUID{users[0].UserID, users[1].UserID})
	require.NoError(t, err)
	pool := fixture.Pool(t, plain, fixture.Owner(book), users)
	job, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(2)})
	require.NoError(t, err)
	h.dyingRuns(t, proxy, 7, job)
	require.Equal(t, map[string]int{"granted 2 ": 3298, "skipped 0 user_disabled": 2}, h.gifts(t, job.ID))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.started'`))
	recall, err := h.service.SubmitRecall(t.Context(), fixture.Owner(book), service.RecallRequest{JobID: job.ID, Reason: "wrong pool"})
	require.NoError(t, err)
	h.dyingRuns(t, proxy, 4, recall.Job)
	require.EqualValues(t, 7000, h.stock(t, book.ID).Free)
	fixture.Verify(t, plain)
}

// What cannot be distributed is refused at once, and nothing is written.
func TestBadDistributions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 10, 0), fixture.Book(t, h.pool, 10, 0)
	owner := fixture.Owner(book)
	pool := fixture.Pool(t, h.pool, owner, fixture.Users(t, h.pool, 3))
	empty, foreign := fixture.Pool(t, h.pool, owner, nil), fixture.Pool(t, h.pool, fixture.Owner(other), fixture.Users(t, h.pool, 3))
	archived := fixture.Book(t, h.pool, 1, 0)
	_, err := h.pool.Exec(t.Context(), `UPDATE books SET owner_id = $1, status = 'closed', archived_at = now() WHERE id = $2`, book.OwnerID, archived.ID)
	require.NoError(t, err)
	ended := fixture.Book(t, h.pool, 1, 0)
	_, err = h.pool.Exec(t.Context(), `UPDATE books SET owner_id = $1, ends_at = now() WHERE id = $2`, book.OwnerID, ended.ID)
	require.NoError(t, err)
	nobody := uuid.New()
	for name, c := range map[string]struct {
		in   service.DistributionRequest
		want error
	}{
		"an unknown pool":         {service.DistributionRequest{PoolID: nobody, BookID: book.ID, Terms: equal(1)}, coupon.ErrPoolNotFound},
		"somebody else's pool":    {service.DistributionRequest{PoolID: foreign.ID, BookID: book.ID, Terms: equal(1)}, coupon.ErrPoolNotFound},
		"an empty pool":           {service.DistributionRequest{PoolID: empty.ID, BookID: book.ID, Terms: equal(1)}, coupon.ErrPoolEmpty},
		"an unknown book":         {service.DistributionRequest{PoolID: pool.ID, BookID: nobody, Terms: equal(1)}, coupon.ErrBookNotFound},
		"somebody else's book":    {service.DistributionRequest{PoolID: pool.ID, BookID: other.ID, Terms: equal(1)}, coupon.ErrBookNotFound},
		"an archived book":        {service.DistributionRequest{PoolID: pool.ID, BookID: archived.ID, Terms: equal(1)}, coupon.ErrBookNotActive},
		"a book that is over":     {service.DistributionRequest{PoolID: pool.ID, BookID: ended.ID, Terms: equal(1)}, coupon.ErrBookEnded},
		"none for each":           {service.DistributionRequest{PoolID: pool.ID, BookID: book.ID, Terms: equal(0)}, coupon.InvalidInput()},
		"far too many":            {service.DistributionRequest{PoolID: pool.ID, BookID: book.ID, Terms: random(math.MaxInt32)}, coupon.InvalidInput()},
		"a plan that nobody made": {service.DistributionRequest{PoolID: pool.ID, PlanID: &nobody}, coupon.ErrPlanNotFound},
	} {
		_, err := h.service.SubmitDistribution(t.Context(), owner, c.in)
		require.ErrorIs(t, err, c.want, name)
	}
	require.Zero(t, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'distribution'`))
	require.Zero(t, h.count(t, `SELECT count(*) FROM distributions`))
	// A pool that is emptied or deleted before the job begins gives nobody anything.
	job, err := h.gives(t, book, pool, service.DistributionRequest{Terms: equal(1)})
	require.NoError(t, err)
	require.ErrorIs(t, h.service.DeletePool(t.Context(), owner, pool.ID), coupon.ErrPoolInUse)
	_, err = h.pool.Exec(t.Context(), `DELETE FROM pool_members WHERE pool_id = $1`, pool.ID)
	require.NoError(t, err)
	h.run(t, job)
	require.Equal(t, "pool_empty", *h.job(t, job.ID).ErrorCode)
}

// The same key brings the same distribution, once.
func TestDistributionsAreSubmittedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	pool := fixture.Pool(t, h.pool, fixture.Owner(book), fixture.Users(t, h.pool, 3))
	request := service.DistributionRequest{PoolID: pool.ID, BookID: book.ID, Terms: equal(1), IdempotencyKey: "k", Fingerprint: []byte("f")}
	ids := make(chan uuid.UUID, 100)
	together(100, func(int) {
		submitted, err := h.service.SubmitDistribution(context.WithoutCancel(t.Context()), fixture.Owner(book), request)
		require.NoError(t, err)
		ids <- submitted.Job.ID
	})
	close(ids)
	seen := map[uuid.UUID]bool{}
	for id := range ids {
		seen[id] = true
	}
	require.Len(t, seen, 1)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM distributions`))
	request.Fingerprint = []byte("other")
	_, err := h.service.SubmitDistribution(t.Context(), fixture.Owner(book), request)
	require.ErrorIs(t, err, coupon.ErrKeyReused)
}
