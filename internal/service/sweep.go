package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"couponbook/internal/postgres"
)

// sweepAge is how long a claim may wait before a sweeper looks after it.
const sweepAge = 2 * time.Second

// Sweeper makes up for lost doorbells and dead workers. One runs in each
// worker; it drains books itself and needs no Redis to do so.
type Sweeper struct {
	store   *postgres.Store
	drainer *Drainer
	queue   Queue
}

// NewSweeper makes a sweeper.
func NewSweeper(store *postgres.Store, drainer *Drainer, queue Queue) *Sweeper {
	return &Sweeper{store, drainer, queue}
}

// Sweep drains the books whose oldest claim waits too long and rings for bulk
// jobs that wait or have died.
func (s *Sweeper) Sweep(ctx context.Context) error {
	return errors.Join(s.sweepClaims(ctx), s.sweepBulk(ctx))
}

func (s *Sweeper) sweepClaims(ctx context.Context) error {
	books, err := s.store.WaitingBooks(ctx, sweepAge)
	for _, book := range books {
		done, drainErr := s.drainer.Drain(ctx, book)
		if drainErr != nil {
			err = errors.Join(err, drainErr)
		} else if !done.Taken {
			slog.InfoContext(ctx, "swept book", "book_id", book, "granted", done.Granted, "refused", done.Refused)
		}
	}
	return err
}

func (s *Sweeper) sweepBulk(ctx context.Context) error {
	jobs, err := s.store.StaleBulk(ctx)
	for _, job := range jobs {
		ringJob(ctx, s.queue, job.Kind, job.ID)
	}
	return err
}
