// Package groupcommit turns many small calls into few large ones by natural
// batching: whatever gathers while one flush is under way goes out as the
// next. There is no timer, so a lone call is not delayed.
package groupcommit

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed is the answer to calls after Close.
var ErrClosed = errors.New("the group is closed")

// Result is what a flush made of one item.
type Result[R any] struct {
	Value R
	Err   error
}

// Group gathers items of type T and answers each with an R.
type Group[T, R any] struct {
	flush func(context.Context, []T) []Result[R]
	most  int

	mu      sync.Mutex
	waiting []call[T, R]
	flushes bool
	closed  bool
	idle    sync.WaitGroup
}

type call[T, R any] struct {
	item   T
	answer chan Result[R]
}

// New makes a group whose flush gets 1 to most items, in the order they came,
// and returns one result for each. One flush runs at a time.
func New[T, R any](most int, flush func(context.Context, []T) []Result[R]) *Group[T, R] {
	return &Group[T, R]{flush: flush, most: most}
}

// Do hands an item in and waits for its result. When ctx ends first, the item
// may still be flushed: its effect must be found by other means.
func (g *Group[T, R]) Do(ctx context.Context, item T) (R, error) {
	answer := make(chan Result[R], 1)
	var none R
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return none, ErrClosed
	}
	g.waiting = append(g.waiting, call[T, R]{item, answer})
	if !g.flushes {
		g.flushes = true
		// Flushes outlive the call that started them: they serve others too.
		g.idle.Go(func() { g.run(context.WithoutCancel(ctx)) })
	}
	g.mu.Unlock()

	select {
	case result := <-answer:
		return result.Value, result.Err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// run flushes until nothing waits.
func (g *Group[T, R]) run(ctx context.Context) {
	for {
		g.mu.Lock()
		n := min(len(g.waiting), g.most)
		if n == 0 {
			g.flushes = false
			g.mu.Unlock()
			return
		}
		calls := g.waiting[:n:n]
		g.waiting = g.waiting[n:]
		g.mu.Unlock()

		items := make([]T, n)
		for i, c := range calls {
			items[i] = c.item
		}
		results := g.flush(ctx, items)
		for i, c := range calls {
			c.answer <- results[i]
		}
	}
}

// Close refuses new items and waits until all earlier ones are answered.
func (g *Group[T, R]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.idle.Wait()
}
