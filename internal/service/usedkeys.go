package service

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/loop"
)

// usedEvery is how often it is written down which keys were used.
const usedEvery = 30 * time.Second

// usedKeys gathers the keys that were used, so that no request has to write.
type usedKeys struct {
	mu  sync.Mutex
	ids map[uuid.UUID]struct{}
}

func (u *usedKeys) note(id uuid.UUID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ids == nil {
		u.ids = map[uuid.UUID]struct{}{}
	}
	u.ids[id] = struct{}{}
}

func (u *usedKeys) take() []uuid.UUID {
	u.mu.Lock()
	defer u.mu.Unlock()
	ids := slices.Collect(maps.Keys(u.ids))
	u.ids = nil
	return ids
}

// NoteUsedKeys writes down which keys were used since the last time.
func (a *Accounts) NoteUsedKeys(ctx context.Context) error {
	ids := a.used.take()
	if len(ids) == 0 {
		return nil
	}
	return a.store.UsedAPIKeys(ctx, ids)
}

// Run keeps what this process knows of sessions and keys in step with Postgres,
// until ctx ends.
func (a *Accounts) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { a.ended.Run(ctx) })
	running.Go(func() { loop.Every(ctx, usedEvery, "note used API keys", a.NoteUsedKeys) })
	running.Wait()
}
