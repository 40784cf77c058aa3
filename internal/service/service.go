// Package service holds the use cases: one method for each thing that people
// and servers do. Both doors, HTTP and queue, call them; they open the
// transactions and ring the queue, and know neither Gin nor asynq.
package service

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/groupcommit"
	"couponbook/internal/postgres"
)

// Queue is the doorbell of the workers; tests have one that records.
type Queue interface {
	RingBook(ctx context.Context, bookID uuid.UUID) error
	RingJob(ctx context.Context, kind coupon.JobKind, jobID uuid.UUID) error
	RingEndpoint(ctx context.Context, endpointID uuid.UUID) error
	PublishDone(ctx context.Context, jobs []uuid.UUID) error
}

// Service has the use cases of books, codes and jobs.
type Service struct {
	// ShedAfter is how long a book's oldest claim may wait while more are
	// accepted; 0: however long.
	ShedAfter time.Duration

	store   *postgres.Store
	queue   Queue
	ringing sync.WaitGroup
	later   *bells // of a transaction that is not over; nil: ring at once
}

// New makes a service.
func New(store *postgres.Store, queue Queue) *Service { return &Service{store: store, queue: queue} }

// Close waits for doorbells that are being rung.
func (s *Service) Close() { s.ringing.Wait() }

// ring rings without making the caller wait: a Redis that does not answer must
// not slow his. A bell that fails costs seconds, no job: the sweeper looks.
func (s *Service) ring(ctx context.Context, id uuid.UUID, bell func(context.Context) error) {
	ctx = context.WithoutCancel(ctx)
	if s.later != nil {
		s.later.add(func(after *Service) { after.ring(ctx, id, bell) })
		return
	}
	s.ringing.Go(func() {
		if err := bell(ctx); err != nil {
			slog.WarnContext(ctx, "doorbell not rung", "id", id, "error", err)
		}
	})
}

// IsTransient reports whether an error may mend by itself: Postgres is away or
// overtaxed, or this process is stopping. Nothing was stored, or it is found by
// the request's key: the request can be repeated.
func IsTransient(err error) bool {
	return postgres.IsTransient(err) || errors.Is(err, groupcommit.ErrClosed)
}
