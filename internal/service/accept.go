package service

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
	"couponbook/internal/metrics"
	"couponbook/internal/postgres"
)

// acceptTimeout bounds one flush: Postgres may be away.
const acceptTimeout = 10 * time.Second

// acceptGroup accepts what has gathered in one transaction.
func (c *Claims) acceptGroup(ctx context.Context, items []claimItem) []groupcommit.Result[submitted] {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	defer func(start time.Time) {
		metrics.AcceptGroup.Observe(float64(len(items)))
		metrics.AcceptTime.Observe(metrics.Since(start))
	}(time.Now())
	results := make([]groupcommit.Result[submitted], len(items))
	now, err := c.judge(ctx, items, results)
	if err != nil {
		return allFailed(results, err)
	}
	var open []int // the items that may be stored
	for i := range items {
		if results[i].Err == nil {
			open = append(open, i)
		}
	}
	jobs := pick(open, items)
	stored, failed := c.insert(ctx, jobs)
	var known []int // keys that have a job, or could have one
	for n, i := range open {
		switch {
		case failed[n] != nil:
			results[i].Err = failed[n]
		case stored[jobs[n].ID]:
			results[i].Value = submitted{jobID: jobs[n].ID, userID: jobs[n].UserID, createdAt: now}
		default:
			known = append(known, i)
		}
	}
	for i := range items {
		if items[i].job.IdempotencyKey != "" && isRefusal(results[i].Err) {
			known = append(known, i)
		}
	}
	c.replay(ctx, items, known, results)
	return results
}

// judge looks at every item's book and then finds its user. Items that may not
// go on get their refusal as result; only for the others are users made.
func (c *Claims) judge(ctx context.Context, items []claimItem, results []groupcommit.Result[submitted]) (time.Time, error) {
	var now time.Time
	wanted := map[uuid.UUID]struct{}{}
	for i := range items {
		wanted[items[i].job.BookID] = struct{}{}
	}
	books, err := c.store.OpenBooks(ctx, slices.Collect(maps.Keys(wanted)))
	if err != nil {
		return now, err
	}
	for i := range items {
		book, found := books[items[i].job.BookID]
		if !found || !mayClaim(items[i], book.Book) {
			results[i].Err = coupon.ErrBookNotFound
			continue
		}
		now = book.Now
		if results[i].Err = book.TakesClaims(now); results[i].Err == nil && book.Free == 0 && items[i].job.CouponID == nil {
			c.soldOut.shut(book.ID)
			results[i].Err = coupon.ErrSoldOut
		}
	}
	if err = c.resolveCallbacks(ctx, items, results); err != nil {
		return now, err
	}
	return now, c.resolveUsers(ctx, items, results)
}

// resolveCallbacks finds the endpoints of callback URLs: one query for the
// whole group.
func (c *Claims) resolveCallbacks(ctx context.Context, items []claimItem, results []groupcommit.Result[submitted]) error {
	var owners []uuid.UUID
	for i := range items {
		if results[i].Err == nil && items[i].callbackURL != "" {
			owners = append(owners, items[i].job.SubmitterID)
		}
	}
	if len(owners) == 0 {
		return nil
	}
	endpoints, err := c.store.EnabledEndpoints(ctx, owners)
	for i := range items {
		if item := &items[i]; err == nil && results[i].Err == nil && item.callbackURL != "" {
			item.job.Callback, results[i].Err = callbackFor(endpoints, item.job.SubmitterID, item.callbackURL)
		}
	}
	return err
}

// mayClaim: everyone for himself, on every book but someone else's draft; the
// book's manager and his servers for anyone.
func mayClaim(item claimItem, book coupon.Book) bool {
	return item.who.Owns(book.OwnerID) || isSelf(item) && book.Status != coupon.Draft
}

// insert stores jobs. A transaction that may or may not have been committed is
// looked for by the jobs' ids before it is repeated, once; a row that Postgres
// refuses stays out alone.
func (c *Claims) insert(ctx context.Context, jobs []coupon.NewJob) (stored map[uuid.UUID]bool, failed map[int]error) {
	stored = make(map[uuid.UUID]bool, len(jobs))
	failed = groupcommit.Bisect(jobs, func(part []coupon.NewJob) error {
		accepted, err := c.store.AcceptClaims(ctx, part)
		if postgres.IsTransient(err) {
			accepted, err = c.repeat(ctx, part)
		}
		maps.Copy(stored, accepted)
		return err
	}, postgres.IsData)
	return stored, failed
}

func (c *Claims) repeat(ctx context.Context, jobs []coupon.NewJob) (map[uuid.UUID]bool, error) {
	ids := make([]uuid.UUID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	there, err := c.store.ExistingJobs(ctx, ids)
	if err != nil || len(there) > 0 {
		return there, err // all in one transaction: one there, all there
	}
	accepted, err := c.store.AcceptClaims(ctx, jobs)
	if postgres.IsStored(err) { // the first COMMIT came through while we looked
		return c.store.ExistingJobs(ctx, ids)
	}
	return accepted, err
}

// replay answers items whose key has a job with that job.
func (c *Claims) replay(ctx context.Context, items []claimItem, which []int, results []groupcommit.Result[submitted]) {
	if len(which) == 0 {
		return
	}
	for n, found := range c.lookupGroup(ctx, pick(which, items)) {
		i := which[n]
		switch {
		case found.Err != nil:
			results[i].Err = found.Err
		case found.Value != nil:
			results[i] = groupcommit.Result[submitted]{Value: *found.Value}
		case results[i].Err == nil:
			results[i].Err = errors.New("a claim was neither stored nor found by its key")
		}
	}
}

func pick(which []int, items []claimItem) []coupon.NewJob {
	jobs := make([]coupon.NewJob, len(which))
	for n, i := range which {
		jobs[n] = items[i].job
	}
	return jobs
}

// isRefusal tells a refusal of ours from a failure of the machinery.
func isRefusal(err error) bool {
	var refusal *coupon.Error
	return errors.As(err, &refusal)
}

func allFailed(results []groupcommit.Result[submitted], err error) []groupcommit.Result[submitted] {
	for i := range results {
		results[i].Err = err
	}
	return results
}
