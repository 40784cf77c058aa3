package service_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// recall takes back what a distribution gave out.
func (h *house) recall(t *testing.T, book coupon.Book, job coupon.Job) (recalled, left int, reasons map[string]int) {
	t.Helper()
	submitted, err := h.service.SubmitRecall(t.Context(), fixture.Owner(book), service.RecallRequest{JobID: job.ID, Reason: "wrong pool"})
	require.NoError(t, err)
	h.run(t, submitted.Job)
	var result struct {
		DistributionID uuid.UUID `json:"distribution_id"`
		Recalled, Left int
		Reasons        map[string]int
	}
	require.NoError(t, json.Unmarshal(h.job(t, submitted.Job.ID).Result, &result))
	require.Equal(t, job.ID, result.DistributionID)
	return result.Recalled, result.Left, result.Reasons
}

// A recall takes back what nobody has used or locked, tells of the rest, and
// finds what has come free since when it is asked for again.
func TestRecall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 40, 2)
	users := fixture.Users(t, h.pool, 10)
	owner := fixture.Owner(book)
	_, err := h.pool.Exec(t.Context(), `UPDATE coupons SET max_redemptions = 2`)
	require.NoError(t, err)
	job := h.distribute(t, book, fixture.Pool(t, h.pool, owner, users), service.DistributionRequest{Terms: equal(2)})
	first := func(user auth.Principal) uuid.UUID {
		held, err := h.store.CouponsOf(t.Context(), user.UserID, coupon.HeldFilter{}, 1)
		require.NoError(t, err)
		return held[0].Coupon.ID
	}
	why := service.ReasonInput{Reason: "r"}
	use := func(user auth.Principal, id uuid.UUID) {
		lock, err := h.till.Lock(t.Context(), user, service.CouponRef(id.String()), service.LockInput{})
		require.NoError(t, err)
		_, err = h.till.Redeem(t.Context(), user, service.CouponRef(id.String()), service.RedeemInput{Token: lock.Token})
		require.NoError(t, err)
	}
	ids := map[string]uuid.UUID{}
	for i, what := range []string{"used", "redeemed", "locked", "void", "over", "disabled", "given anew", "lock ran out"} {
		ids[what] = first(users[i])
	}
	use(users[0], ids["used"])
	use(users[1], ids["redeemed"])
	use(users[1], ids["redeemed"])
	for i, what := range map[int]string{2: "locked", 7: "lock ran out"} {
		_, err = h.till.Lock(t.Context(), users[i], service.CouponRef(ids[what].String()), service.LockInput{})
		require.NoError(t, err)
	}
	_, err = h.till.Void(t.Context(), owner, service.CouponRef(ids["void"].String()), why)
	require.NoError(t, err)
	_, err = h.till.Disable(t.Context(), owner, service.CouponRef(ids["disabled"].String()), why)
	require.NoError(t, err)
	_, err = h.till.Revoke(t.Context(), owner, service.CouponRef(ids["given anew"].String()), why)
	require.NoError(t, err)
	fixture.QueuedAssign(t, h.pool, book, fixture.User(t, h.pool, coupon.UserRole), ids["given anew"])
	h.drain(t, book.ID)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET expires_at = clock_timestamp() WHERE id = $1`, ids["over"])
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() WHERE id = $1`, ids["lock ran out"])
	require.NoError(t, err)

	recalled, left, reasons := h.recall(t, book, job)
	require.Equal(t, 20-6, recalled, "all but five that are left, and one that is somebody else's")
	require.Equal(t, 5, left)
	require.Equal(t, map[string]int{"coupon_used": 1, "already_redeemed": 1, "coupon_locked": 1, "coupon_void": 1, "coupon_expired": 1}, reasons)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM coupons WHERE user_id IS NULL AND disabled_at IS NOT NULL`))
	require.Equal(t, 15, h.count(t, `SELECT count(*) FROM events WHERE type = 'coupon.revoked'`))
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() WHERE id = $1`, ids["locked"])
	require.NoError(t, err)
	recalled, left, _ = h.recall(t, book, job)
	require.Equal(t, []int{1, 4}, []int{recalled, left})
	held := h.held(t, book.ID)
	require.Len(t, held, 5, "four of his own each, and one that was given anew")
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.recalled'`))
	fixture.Verify(t, h.pool)
}

// What cannot be recalled is refused at once.
func TestRecallRefuses(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 40, 16)
	owner := fixture.Owner(p.book)
	ask := func(who auth.Principal, id uuid.UUID) error {
		_, err := p.service.SubmitRecall(t.Context(), who, service.RecallRequest{JobID: id, Reason: "r"})
		return err
	}
	require.ErrorIs(t, ask(owner, p.plan.ID), coupon.ErrNothingGranted)
	job, err := p.gives(t, p.book, p.pool, service.DistributionRequest{PlanID: &p.plan.ID})
	require.NoError(t, err)
	require.ErrorIs(t, ask(owner, job.ID), coupon.ErrJobUnderWay)
	require.ErrorIs(t, ask(fixture.User(t, p.house.pool, coupon.Manager), job.ID), coupon.ErrJobNotFound)
	require.ErrorIs(t, ask(owner, uuid.New()), coupon.ErrJobNotFound)
	claimed, err := p.claim(t, p.users[9], p.book.ID, 1)
	require.NoError(t, err)
	require.ErrorIs(t, ask(owner, claimed.Job.ID), coupon.ErrJobKind)
}

// A pause lets nobody more have anything, a resumed job goes on, a canceled one
// keeps what it gave and writes down who got nothing.
func TestPauseResumeCancel(t *testing.T) {
	t.Parallel()
	p := newPlan(t, 40, 16)
	owner := fixture.Owner(p.book)
	job, err := p.gives(t, p.book, p.pool, service.DistributionRequest{PlanID: &p.plan.ID})
	require.NoError(t, err)
	p.pauseAfterPlan(t, job.ID)
	p.run(t, job)
	require.Equal(t, coupon.JobPaused, p.job(t, job.ID).Status)
	paused, err := p.service.PauseJob(t.Context(), owner, job.ID)
	require.NoError(t, err, "it is paused already")
	require.Equal(t, coupon.JobPaused, paused.Status)
	resumed, err := p.service.ResumeJob(t.Context(), owner, job.ID)
	require.NoError(t, err)
	require.Equal(t, coupon.Queued, resumed.Status)
	require.Equal(t, []int{1, 1}, []int{
		p.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.paused'`),
		p.count(t, `SELECT count(*) FROM events WHERE type = 'distribution.resumed'`),
	})
	_, err = p.service.CancelJob(t.Context(), fixture.User(t, p.house.pool, coupon.Manager), job.ID)
	require.ErrorIs(t, err, coupon.ErrJobNotFound)
	canceled, err := p.service.CancelJob(t.Context(), owner, job.ID)
	require.NoError(t, err)
	require.True(t, canceled.Canceling)
	_, err = p.service.PauseJob(t.Context(), owner, job.ID)
	require.ErrorIs(t, err, coupon.ErrJobDone)
	p.run(t, job)
	require.Equal(t, coupon.Canceled, p.job(t, job.ID).Status)
	require.Equal(t, map[string]int{"skipped 0 canceled": 8, "skipped 0 user_disabled": 2}, p.gifts(t, job.ID))
	require.Zero(t, p.stock(t, p.book.ID).Reserved)
	require.Empty(t, resultOf(t, p.job(t, job.ID)).Gets, "it tells what was given, not what was planned")
	again, err := p.service.CancelJob(t.Context(), owner, job.ID)
	require.NoError(t, err)
	require.Equal(t, coupon.Canceled, again.Status)
	// One that has not begun ends at once.
	next, err := p.gives(t, p.book, p.pool, service.DistributionRequest{Terms: equal(1)})
	require.NoError(t, err)
	_, err = p.service.CancelJob(t.Context(), owner, next.ID)
	require.NoError(t, err)
	p.run(t, next)
	require.Equal(t, coupon.Canceled, p.job(t, next.ID).Status)
	require.Empty(t, p.gifts(t, next.ID))
	dry, err := p.gives(t, p.book, p.pool, service.DistributionRequest{Terms: equal(1), DryRun: true})
	require.NoError(t, err)
	_, err = p.service.CancelJob(t.Context(), owner, dry.ID)
	require.NoError(t, err)
	p.run(t, dry)
	require.Equal(t, coupon.Canceled, p.job(t, dry.ID).Status)
	fixture.Verify(t, p.house.pool)
}

// Fifty times each, something is said while parts are under way: what was given
// before stays, nothing after, and all of it adds up.
func TestSteeringRacesWithParts(t *testing.T) {
	t.Parallel()
	for name, steer := range map[string]func(*testing.T, *house, auth.Principal, coupon.Job){
		"pause and resume": func(t *testing.T, h *house, owner auth.Principal, job coupon.Job) {
			t.Helper()
			for range 3 {
				paused, err := h.service.PauseJob(t.Context(), owner, job.ID)
				if err != nil {
					require.ErrorIs(t, err, coupon.ErrJobDone)
					return
				}
				at := h.job(t, job.ID).Processed
				require.Equal(t, coupon.JobPaused, paused.Status)
				require.Equal(t, at, h.job(t, job.ID).Processed, "it goes on though it is paused")
				_, err = h.service.ResumeJob(t.Context(), owner, job.ID)
				require.NoError(t, err)
				go func() { _, _ = h.service.Distribute(t.Context(), job.ID) }()
			}
		},
		"cancel": func(t *testing.T, h *house, owner auth.Principal, job coupon.Job) {
			t.Helper()
			_, err := h.service.CancelJob(t.Context(), owner, job.ID)
			if err != nil {
				require.ErrorIs(t, err, coupon.ErrJobDone)
			}
		},
		"cancel and recall": func(t *testing.T, h *house, owner auth.Principal, job coupon.Job) {
			t.Helper()
			_, _ = h.service.CancelJob(t.Context(), owner, job.ID)
			for {
				submitted, err := h.service.SubmitRecall(t.Context(), owner, service.RecallRequest{JobID: job.ID, Reason: "r"})
				if err == nil {
					_, err = h.service.Recall(t.Context(), submitted.Job.ID)
					require.NoError(t, err)
					return
				}
				if h.job(t, job.ID).Done() {
					return
				}
				require.ErrorIs(t, err, coupon.ErrJobUnderWay)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			users := fixture.Users(t, h.pool, 60)
			for range 50 {
				h.steered(t, users, steer)
			}
			fixture.Verify(t, h.pool)
		})
	}
}

// steered holds a distribution of many small parts, says something in the
// middle, and waits until it has ended.
func (h *house) steered(t *testing.T, users []auth.Principal, steer func(*testing.T, *house, auth.Principal, coupon.Job)) {
	t.Helper()
	book := fixture.Book(t, h.pool, 60*10, 0)
	owner := fixture.Owner(book)
	job, err := h.gives(t, book, fixture.Pool(t, h.pool, owner, users), service.DistributionRequest{Terms: equal(10)})
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE distributions SET level = 600, extras = 0, coupons = 600, reserved = 600, members = 60,
		hash = '' WHERE job_id = $1`, job.ID) // a part serves one recipient: the plan says that more could come
	require.NoError(t, err)
	h.planRows(t, job.ID, book.ID, users, 10)
	ended := make(chan error, 1)
	go func() { _, err := h.service.Distribute(t.Context(), job.ID); ended <- err }()
	at := rand.IntN(60)
	require.Eventually(t, func() bool { j := h.job(t, job.ID); return j.Processed >= at || j.Done() }, 10*time.Second, 100*time.Microsecond)
	steer(t, h, owner, job)
	require.NoError(t, <-ended)
	require.Eventually(t, func() bool {
		_, _ = h.service.Distribute(t.Context(), job.ID)
		return h.job(t, job.ID).Done()
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, 60, h.job(t, job.ID).Processed)
}

// planRows writes a snapshot of users who can take so many each.
func (h *house) planRows(t *testing.T, job, book uuid.UUID, users []auth.Principal, each int) {
	t.Helper()
	for i, user := range users {
		_, err := h.pool.Exec(t.Context(), `
			INSERT INTO distribution_rows (job_id, n, user_id, capacity, draw) VALUES ($1, $2, $3, $4, gen_random_uuid())`, job, i+1, user.UserID, each)
		require.NoError(t, err)
	}
	_, err := h.pool.Exec(t.Context(), `UPDATE book_stock SET reserved = $2 WHERE book_id = $1`, book, len(users)*each)
	require.NoError(t, err)
}
