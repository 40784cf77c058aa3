package service

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
	"couponbook/internal/metrics"
	"couponbook/internal/postgres"
	"couponbook/internal/tracing"
)

// mostAccepted is how many claims one transaction accepts: some 10 ms of work.
const mostAccepted = 500

// Claims is the accept side of the hot path, one for each API process.
// Accepted claims are stored before the answer; workers decide them.
type Claims struct {
	// ShedAfter is how long a book's oldest claim may wait while more are
	// accepted; 0: however long.
	ShedAfter time.Duration

	store     *postgres.Store
	ring      func(book uuid.UUID) // never blocks
	soldOut   *latch
	overdue   *latch // books whose queue is not worked off in time
	followers *Followers
	accept    *groupcommit.Group[claimItem, submitted]
	lookup    *groupcommit.Group[coupon.NewJob, *submitted]
}

// NewClaims makes the accept side. Run keeps its latch fresh.
func NewClaims(store *postgres.Store, followers *Followers, ring func(uuid.UUID)) *Claims {
	c := &Claims{store: store, ring: ring, soldOut: newLatch(), overdue: newLatch(), followers: followers}
	c.accept = groupcommit.New(mostAccepted, c.acceptGroup)
	c.lookup = groupcommit.New(mostAccepted, c.lookupGroup)
	return c
}

// ClaimRequest asks for Count random coupons of a book for one user, or for a
// chosen one. An assign waits in its book's queue like a claim, under the same
// rules.
type ClaimRequest struct {
	BookID         uuid.UUID
	Coupon         *postgres.CouponRef // the chosen one; its book is then the book
	For            coupon.UserRef      // nil in all parts: the caller himself
	CreateMissing  bool                // make the user when the reference names none
	Count          int
	CallbackURL    string // is told of the job's end; empty: none
	IdempotencyKey string // empty: none
	Fingerprint    []byte
	Wait           time.Duration // for the outcome; 0: do not
	Audit          *coupon.AuditEntry
}

// Submission is an accepted job. Replayed means that its idempotency key had
// brought it before.
type Submission struct {
	Job      coupon.Job
	Replayed bool
}

// claimItem is a request on its way through the group commit.
type claimItem struct {
	job           coupon.NewJob
	who           auth.Principal
	ref           coupon.UserRef
	createMissing bool
	callbackURL   string
}

// submitted is what became of it.
type submitted struct {
	jobID     uuid.UUID
	userID    uuid.UUID
	replayed  bool
	createdAt time.Time
}

// Submit accepts a claim. A key that has a job gets that job, whatever latch
// and book say by now: a winner who asks again after the sale gets his code.
func (c *Claims) Submit(ctx context.Context, p auth.Principal, in ClaimRequest) (_ Submission, err error) {
	defer func() {
		if refusal, refused := errors.AsType[*coupon.Error](err); refused {
			metrics.ClaimsTurnedAway.WithLabelValues(refusal.Code).Inc()
		}
	}()
	ctx, span := tracing.Start(ctx, "accept claim")
	defer func() { span.Close(err) }()
	item, err := newClaimItem(p, in)
	if err != nil {
		return Submission{}, err
	}
	if in.Coupon != nil {
		book, id, err := c.chosen(ctx, p, *in.Coupon)
		if err != nil {
			return Submission{}, err
		}
		item.job.Kind, item.job.BookID, item.job.CouponID = coupon.AssignJob, book, &id
		if item.job.Audit == nil {
			deed, err := newAudit(ctx, p, coupon.CouponAssign, id, nil, auditAssign{item.job.ID})
			if err != nil {
				return Submission{}, err
			}
			item.job.Audit = &deed
		}
	}
	switch {
	case c.overdue.has(item.job.BookID):
		return c.refuse(ctx, item, in.Wait, coupon.ErrOverloaded)
	case in.Coupon == nil && c.soldOut.has(in.BookID):
		return c.refuse(ctx, item, in.Wait, coupon.ErrSoldOut)
	}
	item.job.Trace = tracing.Carry(ctx)
	// Who waits is known before the job is, so that no worker can be too fast.
	follower := c.followers.Follow(item.job.ID)
	defer follower.Close()
	got, err := c.accept.Do(ctx, item)
	if err != nil {
		return Submission{}, err
	}
	if !got.replayed {
		c.ring(item.job.BookID)
	}
	if got.replayed || got.createdAt.IsZero() { // it came before; or it was stored, and the answer to that was lost
		return c.answer(ctx, got, in.Wait)
	}
	if in.Wait == 0 {
		return Submission{Job: acceptedJob(item, got)}, nil
	}
	job, err := follower.Until(ctx, in.Wait, coupon.Job.Done)
	return Submission{Job: job}, err
}

// auditAssign is what the audit log tells of an assign: the job says to whom.
type auditAssign struct{ JobID uuid.UUID }

func newClaimItem(p auth.Principal, in ClaimRequest) (claimItem, error) {
	if in.Count < 1 || in.Count > coupon.MaxClaimCount {
		return claimItem{}, coupon.InvalidInput(coupon.Field{Pointer: "/count", Detail: "must be between 1 and 100"})
	}
	if in.For == (coupon.UserRef{}) {
		in.For.ID = &p.UserID
	}
	id, err := uuid.NewV7()
	return claimItem{
		job: coupon.NewJob{
			ID: id, Kind: coupon.ClaimJob, BookID: in.BookID, SubmitterID: p.UserID, Total: in.Count,
			IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Audit: in.Audit,
		},
		who: p, ref: in.For, createMissing: in.CreateMissing, callbackURL: in.CallbackURL,
	}, err
}

// refuse answers for a gate that is shut, unless the key has a job.
func (c *Claims) refuse(ctx context.Context, item claimItem, wait time.Duration, why error) (Submission, error) {
	if item.job.IdempotencyKey == "" {
		return Submission{}, why
	}
	found, err := c.lookup.Do(ctx, item.job)
	if err != nil {
		return Submission{}, err
	}
	if found == nil {
		return Submission{}, why
	}
	return c.answer(ctx, *found, wait)
}

// answer reads the job of a request that came before.
func (c *Claims) answer(ctx context.Context, got submitted, wait time.Duration) (Submission, error) {
	follower := c.followers.Follow(got.jobID)
	defer follower.Close()
	job, err := follower.Now(ctx)
	if err == nil && !job.Done() && wait > 0 {
		job, err = follower.Until(ctx, wait, coupon.Job.Done)
	}
	return Submission{Job: job, Replayed: got.replayed}, err
}

// acceptedJob is the job as it was stored a moment ago, without reading it.
func acceptedJob(item claimItem, got submitted) coupon.Job {
	return coupon.Job{
		ID: item.job.ID, Kind: item.job.Kind, Status: coupon.Queued, BookID: &item.job.BookID, UserID: &got.userID,
		CouponID:    item.job.CouponID,
		SubmitterID: item.job.SubmitterID, Total: item.job.Total, CreatedAt: got.createdAt,
	}
}

// Close answers everyone who is being accepted and refuses who comes later.
func (c *Claims) Close() {
	c.accept.Close()
	c.lookup.Close()
}

// lookupGroup finds the jobs of many keys at once; nil where there is none.
func (c *Claims) lookupGroup(ctx context.Context, jobs []coupon.NewJob) []groupcommit.Result[*submitted] {
	submitters, keys := make([]uuid.UUID, len(jobs)), make([]string, len(jobs))
	for i, job := range jobs {
		submitters[i], keys[i] = job.SubmitterID, job.IdempotencyKey
	}
	results := make([]groupcommit.Result[*submitted], len(jobs))
	found, err := c.store.JobsByKey(ctx, submitters, keys)
	type key struct {
		submitter uuid.UUID
		text      string
	}
	byKey := make(map[key]postgres.KeyedJob, len(found))
	for _, job := range found {
		byKey[key{job.SubmitterID, job.IdempotencyKey}] = job
	}
	for i, job := range jobs {
		there, ok := byKey[key{job.SubmitterID, job.IdempotencyKey}]
		switch {
		case err != nil:
			results[i].Err = err
		case ok && !bytes.Equal(there.Fingerprint, job.Fingerprint):
			results[i].Err = coupon.ErrKeyReused
		case ok:
			results[i].Value = &submitted{jobID: there.ID, replayed: there.ID != job.ID}
		}
	}
	return results
}
