package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// reached is what one design did in the flash sale.
type reached struct {
	rush, sale, alone series
	spent             string // of processor time, in the last round
}

func newReached(name string) *reached {
	return &reached{series{Name: name, Unit: "/s"}, series{Name: name, Unit: "ms"}, series{Name: name, Unit: "ms"}, ""}
}

// flashSale is P1, P2, P3 and P8: the designs in turns, round after round. The
// first round warms caches and connections up, and is forgotten.
func (s *stage) flashSale(ctx context.Context) error {
	all := map[string]*reached{}
	limit := series{Name: "bare SQL", Unit: "/s"}
	for round := range 1 + s.rounds {
		for _, d := range s.designs {
			before := all[d.name]
			if round <= 1 {
				all[d.name] = newReached(d.name)
			}
			if err := s.compete(ctx, d, before, all[d.name]); err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
		}
		rate, err := s.bare(ctx, claims)
		if err != nil {
			return fmt.Errorf("bare SQL: %w", err)
		}
		if round > 0 {
			limit.Values = append(limit.Values, rate)
		}
	}
	ours, synchronous := all[product], all["synchronous"]
	p1 := "claims granted and durable"
	s.report.add(
		atLeast("P1", p1, ours.rush, synchronous.rush, 3, 5).noting(cpuNotes(all)...),
		atLeast("P1", p1, ours.rush, all["advisory-lock"].rush, 8, 12),
		atLeast("P1", p1, ours.rush, all["river"].rush, 3, 5),
	)
	if err := s.steady(ctx, ours.rush, limit); err != nil {
		return err
	}
	s.report.add(
		atMost("P3", "1,000 users, 100 codes, all outcomes known", ours.sale, synchronous.sale, 0.8, 0.5),
		atMost("P8", "one claim on an idle system, p50", ours.alone, series{Name: "one millisecond", Unit: "ms", Values: []float64{1}}, 25, 15),
	)
	return nil
}

// compete is one round of one design. It gets claims for a second and a half, by
// what it did before: a slow one is not measured for minutes.
func (s *stage) compete(ctx context.Context, d design, before, now *reached) error {
	n := fewest
	if before != nil {
		n = min(max(int(1.5*before.rush.median()), fewest), claims)
	}
	clocks := s.spent()
	rate, err := s.rush(ctx, d, n)
	if err != nil {
		return err
	}
	now.spent = s.spent().since(clocks).perClaim(n)
	now.rush.Values = append(now.rush.Values, rate)
	if d.name == "river" {
		return nil // has no way to wait for an outcome
	}
	for range sales {
		took, err := s.sale(ctx, d, 1000, 100)
		if err != nil {
			return err
		}
		now.sale.Values = append(now.sale.Values, float64(took.Microseconds())/1000)
	}
	p50, err := s.alone(ctx, d, 200)
	now.alone.Values = append(now.alone.Values, p50)
	return err
}

// steady is the second half of P2: claims at the floor's rate, due whether
// others are answered or not.
func (s *stage) steady(ctx context.Context, ours, limit series) error {
	rate := 0.35 * limit.median()
	book, err := s.book(ctx, claims)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := &outcomes{ended: map[uuid.UUID]time.Time{}}
	go s.queue.FollowDone(ctx, told.note)
	got, err := pace(s.designs[0].host, s.requests(s.designs[0], book, claims, "respond-async"), 200, rate)
	if err != nil {
		return err
	}
	if err = s.untilLeft(ctx, s.designs[0], book, 0); err != nil {
		return err
	}
	took, err := told.after(got.due)
	if err != nil {
		return err
	}
	s.report.add(
		atLeast("P2", "claims granted and durable", ours, limit, 0.35, 0.5).
			noting(fmt.Sprintf("%.0f claims a second, due at fixed times: accepted %s; outcome %s", rate, quantiles(got.accepted), quantiles(took))),
		atMost("P2", "from due to its outcome at that rate, p99", p99(took), series{Name: "500 ms", Unit: "ms", Values: []float64{500}}, 1, 1),
	)
	return nil
}

func p99(h *hdrhistogram.Histogram) series {
	return series{Name: product, Unit: "ms", Values: []float64{float64(h.ValueAtQuantile(99)) / 1000}}
}

// bare is what Postgres does with the product's own statements and nothing
// around them: one connection accepts claims in groups, another decides them.
func (s *stage) bare(ctx context.Context, n int) (rate float64, err error) {
	book, err := s.book(ctx, n)
	if err != nil {
		return 0, err
	}
	jobs := make([]coupon.NewJob, n)
	for i := range jobs {
		jobs[i] = coupon.NewJob{
			ID: uuid.Must(uuid.NewV7()), BookID: book, UserID: s.users[i].ID, SubmitterID: s.users[i].ID,
			IdempotencyKey: uuid.NewString(), Fingerprint: make([]byte, 32), Total: 1,
		}
	}
	store := postgres.NewStore(s.pool)
	drainer := service.NewDrainer(store, nobodyElse{}, silent{})
	start := time.Now()
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		for group := range slices.Chunk(jobs, bareGroup) {
			if _, err := store.AcceptClaims(ctx, group); err != nil {
				return err
			}
		}
		return nil
	})
	both.Go(func() error {
		for granted := 0; granted < n; {
			done, err := drainer.Drain(ctx, book)
			if err != nil {
				return err
			}
			granted += done.Granted
		}
		return nil
	})
	if err = both.Wait(); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(start).Seconds(), s.granted(context.WithoutCancel(ctx), book, n)
}

// nobodyElse is the mutex of who works alone.
type nobodyElse struct{}

func (nobodyElse) Try(ctx context.Context, _ string, work func(context.Context) error) error {
	return work(ctx)
}
