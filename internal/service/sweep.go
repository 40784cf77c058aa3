package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"couponbook/internal/coupon"
	"couponbook/internal/metrics"
	"couponbook/internal/postgres"
)

// sweepAge is how long a claim may wait before a sweeper looks after it.
const sweepAge = 2 * time.Second

// Sweeper makes up for lost doorbells and dead workers. One runs in each
// worker; it needs no Redis.
type Sweeper struct {
	store   *postgres.Store
	service *Service
	drainer *Drainer
	queue   Queue
}

// NewSweeper makes a sweeper.
func NewSweeper(store *postgres.Store, service *Service, drainer *Drainer, queue Queue) *Sweeper {
	return &Sweeper{store, service, drainer, queue}
}

// Claims drains the books whose oldest claim waits too long.
func (s *Sweeper) Claims(ctx context.Context) error {
	books, err := s.store.WaitingBooks(ctx, sweepAge)
	for _, book := range books {
		done, drainErr := s.drainer.Drain(ctx, book)
		if drainErr != nil {
			err = errors.Join(err, drainErr)
		} else if !done.Taken {
			metrics.SweptBooks.Inc()
			slog.InfoContext(ctx, "swept book", "book_id", book, "granted", done.Granted, "refused", done.Refused)
		}
	}
	return err
}

// mostEnded is how many locks one transaction ends.
const mostEnded = 500

// Locks writes down which locks have run out. Nothing depends on it: a lock is
// over at its instant.
func (s *Sweeper) Locks(ctx context.Context) error {
	return inBatches(mostEnded, func() (int, error) { return s.store.EndLocks(ctx, mostEnded) })
}

const (
	mostEndedBooks = 100  // looked at in a step
	mostExpired    = 1000 // coupons in a transaction, which holds the book's stock
)

// Expiry writes coupons whose own end or whose book's has passed down as
// expired. Nothing depends on it: a coupon is over at its instant.
func (s *Sweeper) Expiry(ctx context.Context) error {
	err := inBatches(mostExpired, func() (int, error) { return s.store.ExpireCoupons(ctx, mostExpired) })
	if err == nil {
		err = inBatches(1, func() (int, error) { return s.store.ExpireFree(ctx, mostExpired) })
	}
	if err != nil {
		return err
	}
	books, err := s.store.EndedBooks(ctx, mostEndedBooks)
	for _, book := range books {
		if err == nil {
			err = inBatches(mostExpired, func() (int, error) { return s.store.ExpireBook(ctx, book, mostExpired) })
		}
		if err == nil {
			err = s.store.NoteExpired(ctx, book)
		}
	}
	return err
}

// Notices tells of books whose stock is low, and of those that end soon.
func (s *Sweeper) Notices(ctx context.Context) error {
	low, lowErr := s.store.TellLowStock(ctx)
	ending, endingErr := s.store.TellEndingSoon(ctx)
	if low+ending > 0 {
		slog.InfoContext(ctx, "told of books", "low_stock", low, "ending_soon", ending)
	}
	return errors.Join(lowErr, endingErr)
}

const (
	answersKept = 7 * 24 * time.Hour
	mostDropped = 1000
)

// sessionsKept is how long a session that is over can be looked at in Postgres.
const sessionsKept = 30 * 24 * time.Hour

// Sessions forgets sessions that are over for long, and links to set a password
// that nobody used.
func (s *Sweeper) Sessions(ctx context.Context) error {
	return errors.Join(
		inBatches(mostDropped, func() (int, error) { return s.store.DropSessions(ctx, sessionsKept, mostDropped) }),
		s.store.DropResets(ctx))
}

// Answers forgets answers to idempotency keys that are older than a week.
func (s *Sweeper) Answers(ctx context.Context) error {
	return inBatches(mostDropped, func() (int, error) { return s.store.DropAnswers(ctx, answersKept, mostDropped) })
}

// exportKept is how long an export's rows stay: its link has ended by then, and
// whoever began to fetch the file has it.
const exportKept = time.Hour

// Rows forgets the rows of uploads, exports and distributions that are done
// with, and the members of deleted pools.
func (s *Sweeper) Rows(ctx context.Context) error {
	return errors.Join(
		s.rows(ctx, postgres.ImportRows, 0), s.rows(ctx, postgres.MemberRows, 0), s.rows(ctx, postgres.ExportRows, exportKept),
		s.rows(ctx, postgres.DistributionRows, coupon.PlanOpen+exportKept), // clocks differ, and a start may be under way
		inBatches(mostCopied, func() (int, error) { return s.store.DropMembers(ctx, mostCopied) }))
}

func (s *Sweeper) rows(ctx context.Context, table postgres.JobRows, kept time.Duration) error {
	old, err := s.store.OldRows(ctx, table, kept, abandoned)
	for _, job := range old {
		if err == nil {
			err = inBatches(mostCopied, func() (int, error) { return s.store.DropRows(ctx, table, job, mostCopied) })
		}
	}
	return err
}

// inBatches repeats a step of at most size until it does less.
func inBatches(size int, step func() (int, error)) error {
	for {
		done, err := step()
		if err != nil || done < size {
			return err
		}
	}
}

// Bulk rings for bulk jobs that wait too long or whose worker has died, and
// does them itself where there is no bell to ring. It can take long: it has a
// loop of its own.
func (s *Sweeper) Bulk(ctx context.Context) error {
	jobs, err := s.store.StaleBulk(ctx)
	for _, job := range jobs {
		if ringErr := s.queue.RingJob(ctx, job.Kind, job.ID); ringErr == nil {
			continue
		}
		result, runErr := s.service.RunBulk(ctx, job.Kind, job.ID)
		slog.InfoContext(ctx, "swept job", "job_id", job.ID, "result", result, "error", runErr)
		err = errors.Join(err, runErr)
	}
	return err
}
