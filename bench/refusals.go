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
	book, err := s.book(ctx, 1)
	if err != nil {
		return err
	}
	d := s.designs[0]
	if _, err = s.rushOn(ctx, d, book, 1, 0); err != nil {
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
			{&plain, d.host, func() string { return "" }, 409},
			{&keyed, d.host, uuid.NewString, 409},
		} {
			requests := make([]request, refused)
			for i := range requests {
				// The second person on: the first has the coupon.
				requests[i] = newRequest(side.host, book.String(), s.tokens[1+i%(len(s.tokens)-1)], side.key(), "respond-async")
			}
			got, err := send(side.host, requests, connections)
			if err != nil {
				return err
			}
			if got.statuses[side.status] != refused {
				return fmt.Errorf("not all were answered with %d: %v", side.status, got.statuses)
			}
			side.all.Values = append(side.all.Values, refused/got.took.Seconds())
			<-time.After(100 * time.Millisecond)
		}
	}
	s.report.add(
		atLeast("P10", "refusals after sold out, without a key", plain, empty, 0.45, 0.6),
		atLeast("P10", "refusals after sold out, with an idempotency key", keyed, empty, 0.45, 0.6),
	)
	return nil
}
