package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// refusals is P10: claims on a book that is sold out, with and without an
// idempotency key, beside an authenticated route that does nothing.
func (s *stage) refusals(ctx context.Context) error {
	book, err := s.soldOut(ctx)
	if err != nil {
		return err
	}
	empty := series{Name: "empty route", Unit: "/s"}
	plain := series{Name: product, Unit: "/s"}
	keyed := series{Name: product, Unit: "/s"}
	for range s.rounds {
		for _, side := range []struct {
			all    *series
			host   string
			key    func() string
			status int
		}{
			{&empty, s.emptyHost, func() string { return "" }, 204},
			{&plain, s.designs[0].host, func() string { return "" }, 409},
			{&keyed, s.designs[0].host, uuid.NewString, 409},
		} {
			rate, err := s.refuse(book, side.host, side.key, side.status)
			if err != nil {
				return err
			}
			side.all.Values = append(side.all.Values, rate)
			<-time.After(100 * time.Millisecond)
		}
	}
	s.report.add(
		atLeast("P10", "refusals after sold out, without a key", plain, empty, 0.45, 0.6),
		atLeast("P10", "refusals after sold out, with an idempotency key", keyed, empty, 0.45, 0.6),
	)
	return nil
}

// soldOut is a book whose only code the first of the people has.
func (s *stage) soldOut(ctx context.Context) (uuid.UUID, error) {
	book, err := s.book(ctx, 1)
	if err == nil {
		_, err = s.rushOn(ctx, s.designs[0], book, 1, 0)
	}
	return book, err
}

// refuse sends claims of the others, which must all get this status, and returns
// how many a second were answered.
func (s *stage) refuse(book uuid.UUID, host string, key func() string, status int) (float64, error) {
	requests := make([]request, refused)
	for i := range requests {
		requests[i] = newRequest(host, book.String(), s.tokens[1+i%(len(s.tokens)-1)], key(), "respond-async")
	}
	got, err := send(host, requests, connections)
	if err == nil && got.statuses[status] != refused {
		err = fmt.Errorf("not all were answered with %d: %v", status, got.statuses)
	}
	return refused / got.took.Seconds(), err
}
