package service

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
	"couponbook/internal/loop"
	"couponbook/internal/postgres"
)

// lookAgain is how long a lost "done" message can delay who waits.
const lookAgain = time.Second

// Followers waits for jobs on behalf of clients: one for each API process.
// It hears of finished jobs from one Redis channel, and looks for all of them
// in Postgres once a second, since messages get lost.
type Followers struct {
	store *postgres.Store
	read  *groupcommit.Group[uuid.UUID, coupon.Job]

	mu      sync.Mutex
	waiting map[uuid.UUID][]*Follower
	closing chan struct{}
}

// NewFollowers makes followers; Run must run for lost messages to be made up for.
func NewFollowers(store *postgres.Store) *Followers {
	f := &Followers{store: store, waiting: map[uuid.UUID][]*Follower{}, closing: make(chan struct{})}
	f.read = groupcommit.New(500, f.readGroup)
	return f
}

// Follower waits for one job.
type Follower struct {
	all  *Followers
	job  uuid.UUID
	done chan struct{} // gets one value when the job may have ended
}

// Follow begins to listen for a job. Close ends it.
func (f *Followers) Follow(job uuid.UUID) *Follower {
	follower := &Follower{f, job, make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting[job] = append(f.waiting[job], follower)
	return follower
}

// Close stops listening.
func (w *Follower) Close() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	rest := w.all.waiting[w.job]
	for i, other := range rest {
		if other == w {
			rest = append(rest[:i], rest[i+1:]...)
			break
		}
	}
	if len(rest) == 0 {
		delete(w.all.waiting, w.job)
	} else {
		w.all.waiting[w.job] = rest
	}
}

// Wait returns the job once it has ended, or as it is when time is up. Time
// zero reads it at once.
func (w *Follower) Wait(ctx context.Context, limit time.Duration) (coupon.Job, error) {
	job, err := w.all.Job(ctx, w.job)
	if err != nil || job.Done() || limit == 0 {
		return job, err
	}
	return w.WaitNew(ctx, limit)
}

// WaitNew is Wait for a job that was followed before it was stored: it cannot
// have ended unheard, which saves the first look.
func (w *Follower) WaitNew(ctx context.Context, limit time.Duration) (coupon.Job, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-w.done:
			if job, err := w.all.Job(ctx, w.job); err != nil || job.Done() {
				return job, err
			}
		case <-timer.C:
			return w.all.Job(ctx, w.job)
		case <-w.all.closing:
			return w.all.Job(ctx, w.job)
		case <-ctx.Done():
			return coupon.Job{}, ctx.Err()
		}
	}
}

// Close answers everyone who waits with the job as it is: the process stops.
func (f *Followers) Close() { close(f.closing) }

// Done wakes who waits for the jobs.
func (f *Followers) Done(jobs []uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, job := range jobs {
		for _, follower := range f.waiting[job] {
			select {
			case follower.done <- struct{}{}:
			default: // woken already
			}
		}
	}
}

// LookAgain asks Postgres which of the awaited jobs have ended: one query for
// the whole process.
func (f *Followers) LookAgain(ctx context.Context) error {
	f.mu.Lock()
	jobs := make([]uuid.UUID, 0, len(f.waiting))
	for job := range f.waiting {
		jobs = append(jobs, job)
	}
	f.mu.Unlock()
	if len(jobs) == 0 {
		return nil
	}
	finished, err := f.store.FinishedJobs(ctx, jobs)
	f.Done(finished)
	return err
}

// Run looks again every second until ctx ends.
func (f *Followers) Run(ctx context.Context) {
	loop.Every(ctx, lookAgain, "look for awaited jobs", f.LookAgain)
}

// Job reads a job, together with what others read at the same moment.
func (f *Followers) Job(ctx context.Context, id uuid.UUID) (coupon.Job, error) {
	return f.read.Do(ctx, id)
}

func (f *Followers) readGroup(ctx context.Context, ids []uuid.UUID) []groupcommit.Result[coupon.Job] {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	results := make([]groupcommit.Result[coupon.Job], len(ids))
	jobs, err := f.store.Jobs(ctx, ids)
	byID := make(map[uuid.UUID]coupon.Job, len(jobs))
	for _, job := range jobs {
		byID[job.ID] = job
	}
	for i, id := range ids {
		job, found := byID[id]
		switch {
		case err != nil:
			results[i].Err = err
		case !found:
			results[i].Err = coupon.ErrJobNotFound
		default:
			results[i].Value = job
		}
	}
	return results
}
