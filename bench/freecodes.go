package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// freeCodes is P4: what a claim costs with a million codes to draw from, and
// with a thousand.
func (s *stage) freeCodes(ctx context.Context) error {
	const few, many, turns = 1_000, 1_000_000, 8
	large, err := s.book(ctx, many)
	if err != nil {
		return err
	}
	if err = s.patiently(ctx, `VACUUM ANALYZE coupons`); err != nil {
		return err
	}
	ours := series{Name: "a million codes", Unit: "µs"}
	other := series{Name: "a thousand codes", Unit: "µs"}
	left := many
	cost := func(book uuid.UUID, left int, all *series) error {
		took, err := s.drained(ctx, book, few, left)
		all.Values = append(all.Values, took)
		return err
	}
	for range turns * s.rounds {
		small, err := s.book(ctx, few)
		if err != nil {
			return err
		}
		if err = cost(small, 0, &other); err != nil {
			return fmt.Errorf("a thousand codes: %w", err)
		}
		left -= few
		if err = cost(large, left, &ours); err != nil {
			return fmt.Errorf("a million codes: %w", err)
		}
	}
	s.report.add(atMost("P4", "a claim at 1,000,000 free codes, against 1,000", ours, other, 1.3, 1.15))
	return nil
}

// drained sends claims to a book and returns how many microseconds each took
// until the last was granted.
func (s *stage) drained(ctx context.Context, book uuid.UUID, n, left int) (float64, error) {
	took, err := s.rushOn(ctx, s.designs[0], book, n, left)
	return float64(took.Microseconds()) / float64(n), err
}
