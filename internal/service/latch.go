package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/loop"
)

// latchRefresh is how long a book can look sold out after a coupon came back.
const latchRefresh = 500 * time.Millisecond

// latch remembers books without a free coupon, so that the crowd after a sale
// is answered from memory. It is shut only when the stock is really empty.
type latch struct {
	mu    sync.RWMutex
	books map[uuid.UUID]struct{}
}

func newLatch() *latch { return &latch{books: map[uuid.UUID]struct{}{}} }

func (l *latch) has(book uuid.UUID) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, shut := l.books[book]
	return shut
}

func (l *latch) shut(book uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books[book] = struct{}{}
}

func (l *latch) open(books []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, book := range books {
		delete(l.books, book)
	}
}

func (l *latch) replace(books []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.books)
	for _, book := range books {
		l.books[book] = struct{}{}
	}
}

func (l *latch) all() []uuid.UUID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	books := make([]uuid.UUID, 0, len(l.books))
	for book := range l.books {
		books = append(books, book)
	}
	return books
}

// RefreshLatch opens the latch of books that have coupons again: one query for
// all of them.
func (c *Claims) RefreshLatch(ctx context.Context) error {
	shut := c.soldOut.all()
	if len(shut) == 0 {
		return nil
	}
	stocked, err := c.store.BooksWithStock(ctx, shut)
	if err == nil {
		c.soldOut.open(stocked)
	}
	return err
}

// RefreshOverdue finds the books whose queue is not worked off in time: one query
// for all of them, whose cost is the number of books with a queue.
func (c *Claims) RefreshOverdue(ctx context.Context) error {
	if c.ShedAfter == 0 {
		return nil
	}
	overdue, err := c.store.WaitingBooks(ctx, c.ShedAfter)
	if err == nil {
		c.overdue.replace(overdue)
	}
	return err
}

// Run refreshes the latches until ctx ends.
func (c *Claims) Run(ctx context.Context) {
	loop.Every(ctx, latchRefresh, "refresh the latches", func(ctx context.Context) error {
		return errors.Join(c.RefreshLatch(ctx), c.RefreshOverdue(ctx))
	})
}
