package queue

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ringEvery is the least time between two rings of one process for one book.
const ringEvery = 10 * time.Millisecond

// Ringer rings for books from one goroutine, so that accepting a claim never
// waits for Redis. A book rung many times in a moment is rung once at its end.
type Ringer struct {
	ring func(context.Context, uuid.UUID) error

	mu    sync.Mutex
	dirty map[uuid.UUID]struct{}
	woken chan struct{}
}

// NewRinger makes a ringer; Run must run for it to ring.
func NewRinger(ring func(context.Context, uuid.UUID) error) *Ringer {
	return &Ringer{ring: ring, dirty: map[uuid.UUID]struct{}{}, woken: make(chan struct{}, 1)}
}

// Ring marks the book. It does not block and cannot fail.
func (r *Ringer) Ring(book uuid.UUID) {
	r.mu.Lock()
	r.dirty[book] = struct{}{}
	r.mu.Unlock()
	select {
	case r.woken <- struct{}{}:
	default: // awake already
	}
}

// Run rings until ctx ends, and then once for what is marked still.
func (r *Ringer) Run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-r.woken:
		}
		r.step(ctx)
		pause.Reset(ringEvery)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.step(last)
}

// step rings once for every marked book. A ring that fails is dropped: the
// workers' sweeper finds the claims.
func (r *Ringer) step(ctx context.Context) {
	r.mu.Lock()
	books := r.dirty
	r.dirty = make(map[uuid.UUID]struct{}, len(books))
	r.mu.Unlock()
	for book := range books {
		if err := r.ring(ctx, book); err != nil && ctx.Err() != nil {
			r.Ring(book) // not its fault: the last step rings for it
		} else if err != nil {
			slog.WarnContext(ctx, "doorbell not rung", "book_id", book, "error", err)
		}
	}
}
