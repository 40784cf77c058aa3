package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// requests are n claims of different users, each with its own key.
func (s *stage) requests(d design, book uuid.UUID, n int, prefer string) []request {
	made := make([]request, n)
	for i := range made {
		made[i] = newRequest(d.host, book.String(), s.tokens[i%len(s.tokens)], uuid.NewString(), prefer)
	}
	return made
}

// rush is P1: n claims for as many codes; the clock runs until the last coupon
// is granted and durable. It returns claims a second.
func (s *stage) rush(ctx context.Context, d design, n int) (float64, error) {
	book, err := s.book(ctx, n)
	if err != nil {
		return 0, err
	}
	took, err := s.rushOn(ctx, d, book, n, 0)
	if err != nil {
		return 0, err
	}
	return float64(n) / took.Seconds(), s.granted(ctx, book, n)
}

// rushOn sends n claims to a book, which leave it with so many codes.
func (s *stage) rushOn(ctx context.Context, d design, book uuid.UUID, n, left int) (time.Duration, error) {
	requests := s.requests(d, book, n, "respond-async")
	start := time.Now()
	got, err := send(d.host, requests, connections)
	if err != nil {
		return 0, err
	}
	if ok := got.statuses[200] + got.statuses[202]; ok != n {
		return 0, fmt.Errorf("%d of %d claims were accepted: %v", ok, n, got.statuses)
	}
	err = s.untilLeft(ctx, d, book, left)
	return time.Since(start), err
}

// free tells how many codes a book has left; river keeps no stock, and tells
// whether it has any.
const (
	free    = `SELECT free FROM book_stock WHERE book_id = $1`
	anyFree = `SELECT count(*) FROM (SELECT FROM coupons WHERE book_id = $1 AND state = 'UNASSIGNED' AND disabled_at IS NULL
	           ORDER BY draw_rank LIMIT 1) free`
)

// untilLeft waits until a book has no more than so many codes left. One row is
// looked at: to count coupons that often would cost more than the claims.
func (s *stage) untilLeft(ctx context.Context, d design, book uuid.UUID, left int) error {
	look, pause := free, 2*time.Millisecond
	switch d.name {
	case "river":
		look, pause = anyFree, 20*time.Millisecond
	case product:
	default:
		return nil // they have granted when they answer
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); <-time.After(pause) {
		var now int
		if err := s.pool.QueryRow(ctx, look, book).Scan(&now); err != nil || now <= left {
			return err
		}
	}
	return errors.New("coupons are left after five minutes")
}

// granted fails unless exactly n coupons of the book have a holder.
func (s *stage) granted(ctx context.Context, book uuid.UUID, n int) error {
	var granted int
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM coupons WHERE book_id = $1 AND state = 'ASSIGNED'`, book).Scan(&granted)
	if err == nil && granted != n {
		err = fmt.Errorf("%d coupons granted instead of %d", granted, n)
	}
	return err
}

// sale is P3: everyone at once, on a connection each, until all outcomes are
// known to those who asked.
func (s *stage) sale(ctx context.Context, d design, users, codes int) (time.Duration, error) {
	book, err := s.book(ctx, codes)
	if err != nil {
		return 0, err
	}
	got, err := send(d.host, s.requests(d, book, users, "wait=10"), users)
	if err != nil {
		return 0, err
	}
	if got.statuses[202] > 0 || got.statuses[200]+got.statuses[409] != users {
		return 0, fmt.Errorf("not all outcomes are known: %v", got.statuses)
	}
	return got.took, s.granted(ctx, book, codes)
}

// alone is P8: one claim after the other on an idle system, with its outcome
// in the answer. It returns the median in milliseconds.
func (s *stage) alone(ctx context.Context, d design, n int) (float64, error) {
	book, err := s.book(ctx, n)
	if err != nil {
		return 0, err
	}
	got, err := send(d.host, s.requests(d, book, n, "wait=10"), 1)
	if err != nil {
		return 0, err
	}
	if got.statuses[200] != n {
		return 0, fmt.Errorf("%d of %d answers had an outcome: %v", got.statuses[200], n, got.statuses)
	}
	return float64(got.latency.ValueAtQuantile(50)) / 1000, nil
}
