package httpapi

import (
	"context"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// gift is a house in which a book's coupons can go to a pool of three.
type gift struct {
	*house
	book    coupon.Book
	manager string
	path    string // of distributions
}

func newGift(t *testing.T) *gift {
	t.Helper()
	g := &gift{house: newHouse(t)}
	g.book = fixture.Book(t, g.pool, 10, 2)
	g.manager = g.token(t, fixture.Owner(g.book))
	users := fixture.Users(t, g.pool, 3)
	_, err := g.pool.Exec(t.Context(), `UPDATE users SET email = 'ann@example.com' WHERE id = $1`, users[1].UserID)
	require.NoError(t, err)
	_, err = g.pool.Exec(t.Context(), `UPDATE users SET disabled_at = now() WHERE id = $1`, users[2].UserID)
	require.NoError(t, err)
	g.path = Prefix + "/pools/" + fixture.Pool(t, g.pool, fixture.Owner(g.book), users).ID.String() + "/distributions"
	return g
}

// give submits a distribution and runs its job.
func (g *gift) give(t *testing.T, body map[string]any) (job jobBody) {
	t.Helper()
	if body["plan_id"] == nil {
		body["book_id"] = g.book.ID
	}
	got := g.call(t, g.manager, http.MethodPost, g.path, body)
	require.Equal(t, http.StatusAccepted, got.status, "%s", got.body)
	got.read(t, &job)
	return g.worked(t, job)
}

// worked runs a bulk job to its end.
func (h *house) worked(t *testing.T, job jobBody) jobBody {
	t.Helper()
	_, err := h.service.RunBulk(context.WithoutCancel(t.Context()), job.Kind, job.ID)
	require.NoError(t, err)
	h.call(t, h.person(t, coupon.Admin), http.MethodGet, job.Links.Self, nil).read(t, &job)
	return job
}

// A plan, exactly that plan, who got what, and all of it back.
func TestDistribution(t *testing.T) {
	t.Parallel()
	g := newGift(t)
	plan := g.give(t, map[string]any{"mode": "equal", "per_user": 2, "dry_run": true})
	require.Equal(t, coupon.Succeeded, plan.Status)
	require.Equal(t, progressBody{Total: 3, Processed: 3, Succeeded: 2, Skipped: 1}, plan.Progress)
	told := plan.Result.Distribution
	require.Equal(t, []any{true, 3, 4, 0, 6}, []any{told.DryRun, told.Members, told.Planned, told.Granted, told.Left})
	require.Equal(t, []getsBody{{Coupons: 2, Recipients: 2}}, told.Gets)
	require.Equal(t, map[string]int{"user_disabled": 1}, told.Reasons)
	require.Equal(t, plan.ID, told.Plan.ID)
	require.Len(t, told.Plan.Hash, 64)

	var outcomes page[outcomeBody]
	g.call(t, g.manager, http.MethodGet, plan.Links.Self+"/outcomes?limit=2", nil).read(t, &outcomes)
	require.Equal(t, []any{coupon.OutcomePlanned, 2, "ann@example.com"},
		[]any{outcomes.Data[1].Status, *outcomes.Data[1].Planned, *outcomes.Data[1].User})
	g.call(t, g.manager, http.MethodGet, plan.Links.Self+"/outcomes?limit=2&cursor="+*outcomes.NextCursor, nil).read(t, &outcomes)
	require.Equal(t, "the account is disabled", *outcomes.Data[0].Detail)

	job := g.give(t, map[string]any{"plan_id": told.Plan.ID})
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, 4, job.Result.Distribution.Granted)
	g.call(t, g.manager, http.MethodGet, job.Links.Self+"/outcomes?status=granted", nil).read(t, &outcomes)
	require.Len(t, outcomes.Data, 2)
	require.Len(t, outcomes.Data[0].Coupons, 2)
	require.Nil(t, outcomes.Data[0].Reason)
	require.Equal(t, "plan_used", g.call(t, g.manager, http.MethodPost, g.path, map[string]any{"plan_id": told.Plan.ID}).problem.Code)

	report := g.call(t, g.manager, http.MethodGet, job.Links.Self+"/outcomes.csv", nil)
	require.Contains(t, report.header.Get("Content-Disposition"), "recipients-")
	rows, err := csv.NewReader(strings.NewReader(string(report.body))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"n", "user_id", "user", "status", "planned", "coupons", "codes", "reason", "detail"}, rows[0])
	require.Equal(t, []string{"ann@example.com", "granted", "2", "2"}, rows[2][2:6])
	require.Equal(t, outcomes.Data[1].Coupons[0].Code+" "+outcomes.Data[1].Coupons[1].Code, rows[2][6])
	require.Equal(t, []string{"skipped", "0", "0", "", "user_disabled", "the account is disabled"}, rows[3][3:])
	skipped := g.call(t, g.manager, http.MethodGet, job.Links.Self+"/outcomes.csv?status=skipped", nil)
	require.Equal(t, 2, strings.Count(string(skipped.body), "\n"))

	_, err = g.pool.Exec(t.Context(), `UPDATE coupons SET redemptions = 1, state = 'REDEEMED' WHERE id = $1`, outcomes.Data[0].Coupons[0].ID)
	require.NoError(t, err)
	got := g.call(t, g.manager, http.MethodPost, job.Links.Self+"/recall", map[string]any{"reason": "wrong pool"}, "Idempotency-Key", "r")
	require.Equal(t, http.StatusAccepted, got.status, "%s", got.body)
	var recall jobBody
	got.read(t, &recall)
	recall = g.worked(t, recall)
	require.Equal(t, coupon.PartiallySucceeded, recall.Status)
	require.Equal(t, recallBody{job.ID, 3, 1, map[string]int{"already_redeemed": 1}}, *recall.Result.Recall)
	require.Equal(t, progressBody{Total: 3, Processed: 3, Succeeded: 1, Failed: 1, Skipped: 1}, recall.Progress)
	left := g.call(t, g.manager, http.MethodGet, recall.Links.Self+"/outcomes.csv", nil)
	require.Contains(t, string(left.body), "already_redeemed,has been redeemed")
	again := g.call(t, g.manager, http.MethodPost, job.Links.Self+"/recall", map[string]any{"reason": "wrong pool"}, "Idempotency-Key", "r")
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, "nothing_granted", g.call(t, g.manager, http.MethodPost, plan.Links.Self+"/recall", map[string]any{"reason": "x"}).problem.Code)
	require.Equal(t, "job_kind", g.call(t, g.manager, http.MethodPost, recall.Links.Self+"/pause", nil).problem.Code)

	nul := g.call(t, g.manager, http.MethodPost, job.Links.Self+"/recall", `{"reason": "a\u0000b"}`)
	require.Contains(t, nul.problem.Errors[0].Detail, `"/reason" has the character NUL`)
	for _, address := range []string{"?prefix=%00", "?prefix=%ff", "?prefix=%zz", "%00"} {
		got := g.call(t, g.manager, http.MethodGet, strings.TrimSuffix(g.path, "/distributions")+"/members"+address, nil)
		require.Equal(t, "malformed_request", got.problem.Code, address)
	}

	var jobs page[jobBody]
	g.call(t, g.manager, http.MethodGet, Prefix+"/jobs?kind=distribution&pool_id="+job.PoolID.String(), nil).read(t, &jobs)
	require.Len(t, jobs.Data, 2)
	require.Equal(t, []bool{false, true}, []bool{jobs.Data[0].Terms.DryRun, jobs.Data[1].Terms.DryRun})
	require.Equal(t, plan.ID, *jobs.Data[0].Terms.PlanID)
	require.Equal(t, 2, *jobs.Data[0].Terms.PerUser)
	require.Nil(t, jobs.Data[0].Terms.Count)
	require.Equal(t, "pool_not_found", g.call(t, g.person(t, coupon.Manager), http.MethodGet, Prefix+"/jobs?pool_id="+job.PoolID.String(), nil).problem.Code)
	_, err = g.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = finished_at - interval '25 hours' WHERE id = $1`, plan.ID)
	require.NoError(t, err)
	require.Equal(t, "plan_expired", g.call(t, g.manager, http.MethodGet, plan.Links.Self+"/outcomes", nil).problem.Code)
	g.call(t, g.manager, http.MethodGet, Prefix+"/jobs?bulk=true", nil).read(t, &jobs)
	require.NotEmpty(t, jobs.Data)
	for _, job := range jobs.Data {
		require.NotContains(t, []coupon.JobKind{coupon.ClaimJob, coupon.BatchJob, coupon.AssignJob}, job.Kind)
	}
	require.Equal(t, "pool_id", g.call(t, g.manager, http.MethodGet, Prefix+"/jobs?pool_id=x", nil).problem.Errors[0].Pointer)
}

// A distribution is paused, goes on and is canceled; then it cannot be any more.
func TestSteeredDistribution(t *testing.T) {
	t.Parallel()
	g := newGift(t)
	var job jobBody
	g.call(t, g.manager, http.MethodPost, g.path, map[string]any{"book_id": g.book.ID, "mode": "random", "count": 3}).read(t, &job)
	steer := func(who, what string) (got answer) {
		got = g.call(t, who, http.MethodPost, job.Links.Self+"/"+what, nil)
		if got.status == http.StatusOK {
			got.read(t, &job)
		}
		return got
	}
	require.Equal(t, "job_under_way", g.call(t, g.manager, http.MethodPost, job.Links.Self+"/recall", map[string]any{"reason": "x"}).problem.Code)
	steer(g.manager, "pause")
	require.Equal(t, coupon.JobPaused, job.Status)
	require.Equal(t, "job_not_found", steer(g.person(t, coupon.Manager), "resume").problem.Code)
	require.Equal(t, "pool_in_use", g.call(t, g.manager, http.MethodDelete, strings.TrimSuffix(g.path, "/distributions"), nil).problem.Code)
	steer(g.manager, "resume")
	require.Equal(t, coupon.Queued, job.Status)
	steer(g.manager, "cancel")
	require.True(t, job.Canceling)
	require.Equal(t, http.StatusOK, steer(g.manager, "cancel").status, "asked for twice")
	job = g.worked(t, job)
	require.Equal(t, coupon.Canceled, job.Status)
	require.True(t, job.Done)
	for _, what := range []string{"pause", "resume"} {
		require.Equal(t, "job_done", steer(g.manager, what).problem.Code)
	}
	require.Equal(t, http.StatusOK, steer(g.manager, "cancel").status)
}

// What cannot be distributed is refused, and nothing is written.
func TestDistributionRefuses(t *testing.T) {
	t.Parallel()
	g := newGift(t)
	book, id := g.book.ID, uuid.New()
	for name, c := range map[string]struct {
		body          map[string]any
		code, pointer string
	}{
		"no book":                {map[string]any{"mode": "equal", "per_user": 1}, "invalid_input", "/book_id"},
		"an unknown book":        {map[string]any{"book_id": id, "mode": "equal", "per_user": 1}, "book_not_found", ""},
		"no mode":                {map[string]any{"book_id": book}, "invalid_input", "/mode"},
		"another mode":           {map[string]any{"book_id": book, "mode": "fair"}, "invalid_input", "/mode"},
		"none for each":          {map[string]any{"book_id": book, "mode": "equal", "per_user": 0}, "invalid_input", "/per_user"},
		"too many for each":      {map[string]any{"book_id": book, "mode": "equal", "per_user": 1001}, "invalid_input", "/per_user"},
		"too many":               {map[string]any{"book_id": book, "mode": "random", "count": 5_000_001}, "invalid_input", "/count"},
		"both":                   {map[string]any{"book_id": book, "mode": "random", "count": 1, "per_user": 1}, "invalid_input", "/per_user"},
		"another shortage":       {map[string]any{"book_id": book, "mode": "random", "count": 1, "on_shortage": "x"}, "invalid_input", "/on_shortage"},
		"a plan and terms":       {map[string]any{"plan_id": id, "mode": "equal"}, "invalid_input", "/plan_id"},
		"a plan that is no plan": {map[string]any{"plan_id": id}, "plan_not_found", ""},
	} {
		got := g.call(t, g.manager, http.MethodPost, g.path, c.body)
		require.Equal(t, c.code, got.problem.Code, "%s: %s", name, got.body)
		if c.pointer != "" {
			require.Equal(t, c.pointer, got.problem.Errors[0].Pointer, name)
		}
	}
	for _, path := range []string{g.path, Prefix + "/jobs/" + id.String() + "/recall"} {
		got := g.call(t, g.manager, http.MethodPost, path, map[string]any{"reason": "x", "book_id": book}, "Idempotency-Key", "a b")
		require.Equal(t, "invalid_input", got.problem.Code)
	}
	require.Zero(t, g.count(t, `SELECT count(*) FROM jobs WHERE kind = 'distribution'`))
	waiting := g.call(t, g.manager, http.MethodPost, g.path, map[string]any{"book_id": book, "mode": "equal", "per_user": 1, "dry_run": true})
	var plan jobBody
	waiting.read(t, &plan)
	start := func() string {
		return g.call(t, g.manager, http.MethodPost, g.path, map[string]any{"plan_id": plan.ID}).problem.Code
	}
	require.Equal(t, "plan_not_ready", start())
	plan = g.worked(t, plan)
	_, err := g.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = finished_at - interval '25 hours' WHERE id = $1`, plan.ID)
	require.NoError(t, err)
	require.Equal(t, "plan_expired", start())
	require.Equal(t, "distribution_shortage", g.give(t, map[string]any{"mode": "random", "count": 11}).Error.Code)
	fresh := g.give(t, map[string]any{"mode": "equal", "per_user": 1, "dry_run": true})
	_, err = g.pool.Exec(t.Context(), `DELETE FROM pool_members WHERE user_id = (SELECT user_id FROM pool_members LIMIT 1)`)
	require.NoError(t, err)
	require.Equal(t, "plan_stale", g.give(t, map[string]any{"plan_id": fresh.ID}).Error.Code)
	_, err = g.pool.Exec(t.Context(), `UPDATE pools SET members = 0`)
	require.NoError(t, err)
	require.Equal(t, "pool_empty", g.call(t, g.manager, http.MethodPost, g.path, map[string]any{"book_id": book, "mode": "equal", "per_user": 1}).problem.Code)
}
