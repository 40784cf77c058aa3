package service

import (
	"context"
	"log/slog"
	"maps"
	"slices"
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

// mostLooked is how many jobs are looked at in one query.
const mostLooked = 1000

// Followers waits for jobs on behalf of clients: one for each API process.
// It hears of finished jobs from one Redis channel, and looks at all of them in
// Postgres once a second: for their progress, and since messages get lost.
type Followers struct {
	store *postgres.Store
	read  *groupcommit.Group[uuid.UUID, coupon.Job]

	looking sync.Mutex // nobody is told of an earlier look after a later one
	mu      sync.Mutex
	waiting map[uuid.UUID]*followed
	closing chan struct{}
}

// followed is a job that somebody waits for.
type followed struct {
	version   string // that its followers were told of last
	followers []*Follower
}

// NewFollowers makes followers; Run must run for progress and for lost messages.
func NewFollowers(store *postgres.Store) *Followers {
	f := &Followers{store: store, waiting: map[uuid.UUID]*followed{}, closing: make(chan struct{})}
	f.read = groupcommit.New(500, f.readGroup)
	return f
}

// Follower waits for one job.
type Follower struct {
	all  *Followers
	job  uuid.UUID
	news chan coupon.Job // has the latest that was not taken out yet
	last coupon.Job
}

// Follow begins to listen for a job, which need not be stored yet: whoever
// follows before misses nothing. Close ends it.
func (f *Followers) Follow(job uuid.UUID) *Follower {
	follower := &Follower{all: f, job: job, news: make(chan coupon.Job, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[job] == nil {
		f.waiting[job] = &followed{}
	}
	f.waiting[job].followers = append(f.waiting[job].followers, follower)
	return follower
}

// Close stops listening.
func (w *Follower) Close() {
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	entry := w.all.waiting[w.job]
	if i := slices.Index(entry.followers, w); i >= 0 {
		entry.followers = slices.Delete(entry.followers, i, i+1)
	}
	if len(entry.followers) == 0 {
		delete(w.all.waiting, w.job)
	}
}

// Now reads the job at once.
func (w *Follower) Now(ctx context.Context) (coupon.Job, error) {
	job, err := w.all.Job(ctx, w.job)
	w.last = job
	return job, err
}

// Next returns the job once it has changed. It is not ok when time is up before,
// or the process stops.
func (w *Follower) Next(ctx context.Context, limit time.Duration) (job coupon.Job, ok bool, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case job = <-w.news:
			if !job.Behind(w.last) { // else it was looked at before we did
				w.last = job
				return job, true, nil
			}
		case <-timer.C:
			return job, false, nil
		case <-w.all.closing:
			return job, false, nil
		case <-ctx.Done():
			return job, false, ctx.Err()
		}
	}
}

// Until returns the job as soon as it is as wanted, or as it is when time is up.
func (w *Follower) Until(ctx context.Context, limit time.Duration, wanted func(coupon.Job) bool) (coupon.Job, error) {
	for end := time.Now().Add(limit); ; {
		job, ok, err := w.Next(ctx, time.Until(end))
		switch {
		case err != nil:
			return job, err
		case !ok:
			return w.Now(ctx)
		case wanted(job):
			return job, nil
		}
	}
}

// Close answers everyone who waits with the job as it is: the process stops.
func (f *Followers) Close() { close(f.closing) }

// Over reports whether the process stops, so that there is no more to come.
func (w *Follower) Over() bool {
	select {
	case <-w.all.closing:
		return true
	default:
		return false
	}
}

// Done tells who waits for the jobs.
func (f *Followers) Done(jobs []uuid.UUID) {
	ctx := context.Background()
	if err := f.look(ctx, f.awaited(jobs)); err != nil {
		slog.WarnContext(ctx, "finished jobs not read", "error", err)
	}
}

// awaited returns those of the jobs that somebody waits for.
func (f *Followers) awaited(jobs []uuid.UUID) []uuid.UUID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(jobs), func(id uuid.UUID) bool { return f.waiting[id] == nil })
}

// LookAgain tells everyone what has become of his job meanwhile: one query for
// the whole process, or for each thousand jobs.
func (f *Followers) LookAgain(ctx context.Context) error {
	f.mu.Lock()
	jobs := slices.Collect(maps.Keys(f.waiting))
	f.mu.Unlock()
	return f.look(ctx, jobs)
}

func (f *Followers) look(ctx context.Context, ids []uuid.UUID) error {
	f.looking.Lock()
	defer f.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout) // a Postgres that is silent
	defer cancel()
	for part := range slices.Chunk(ids, mostLooked) {
		jobs, err := f.store.Jobs(ctx, part)
		if err != nil {
			return err
		}
		for i := range jobs {
			f.tell(jobs[i])
		}
	}
	return nil
}

// tell hands a job that has changed to who waits for it.
func (f *Followers) tell(job coupon.Job) {
	version := job.Version()
	f.mu.Lock()
	defer f.mu.Unlock()
	entry := f.waiting[job.ID]
	if entry == nil || entry.version == version {
		return
	}
	entry.version = version
	for _, follower := range entry.followers {
		select {
		case <-follower.news: // in place of what it has not looked at
		default:
		}
		follower.news <- job
	}
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

// Waiting tells how many wait for a job.
func (f *Followers) Waiting(job uuid.UUID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if entry := f.waiting[job]; entry != nil {
		return len(entry.followers)
	}
	return 0
}
