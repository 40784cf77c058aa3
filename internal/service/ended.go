package service

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/loop"
	"couponbook/internal/postgres"
)

// endedOverlap is how long before the last look a session may have ended in a
// transaction that came through after it.
const endedOverlap = time.Minute

// EndedSessions knows the sessions that ended while access tokens of theirs may
// live still: the API asks here for each request, and Postgres once a second.
type EndedSessions struct {
	store *postgres.Store
	keep  time.Duration // as long as access tokens live

	mu     sync.RWMutex
	seen   map[uuid.UUID]time.Time
	looked time.Time
}

// NewEndedSessions remembers for as long as access tokens live.
func NewEndedSessions(store *postgres.Store, keep time.Duration) *EndedSessions {
	return &EndedSessions{store: store, keep: keep, seen: map[uuid.UUID]time.Time{}}
}

// Has reports whether a session has ended, as of a second ago.
func (e *EndedSessions) Has(session uuid.UUID) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	_, ended := e.seen[session]
	return ended
}

// Look reads what has ended since the last look.
func (e *EndedSessions) Look(ctx context.Context) error {
	start := time.Now()
	e.mu.RLock()
	within := min(e.keep, start.Sub(e.looked)) + endedOverlap
	e.mu.RUnlock()
	ended, err := e.store.EndedSessions(ctx, within)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked = start
	for _, id := range ended {
		e.seen[id] = start
	}
	for id, at := range e.seen {
		if start.Sub(at) > e.keep+endedOverlap {
			delete(e.seen, id)
		}
	}
	return nil
}

// Run looks every second until ctx ends. Without Postgres no session can end.
func (e *EndedSessions) Run(ctx context.Context) {
	loop.Every(ctx, time.Second, "look for ended sessions", e.Look)
}
