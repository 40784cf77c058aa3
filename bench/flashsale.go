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

// flashSale is P1, P2, P3 and P8: the designs in turns, round after round.
func (s *stage) flashSale(ctx context.Context) error {
	rush, sale, alone := map[string]*series{}, map[string]*series{}, map[string]*series{}
	limit, spent, reached := series{Name: "bare SQL", Unit: "/s"}, map[string]string{}, map[string]float64{}
	for round := -1; round < s.rounds; round++ { // the first warms caches and connections up
		for _, d := range s.designs {
			if round < 0 {
				rush[d.name] = &series{Name: d.name, Unit: "/s"}
				sale[d.name] = &series{Name: d.name, Unit: "ms"}
				alone[d.name] = &series{Name: d.name, Unit: "ms"}
			}
			before := s.spent()
			n := fewest
			if round >= 0 { // a second and a half of claims: a slow design is not measured for minutes
				n = min(max(int(1.5*reached[d.name]), fewest), claims)
			}
			rate, err := s.rush(ctx, d, n)
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			used := s.spent().since(before)
			if round >= 0 {
				rush[d.name].Values = append(rush[d.name].Values, rate)
				spent[d.name] = used.perClaim(n)
			}
			reached[d.name] = max(reached[d.name], rate)
			if d.name == "river" {
				continue // has no way to wait for an outcome
			}
			if err = s.waits(ctx, d, round >= 0, sale[d.name], alone[d.name]); err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
		}
		rate, err := s.bare(ctx, claims)
		if err != nil {
			return fmt.Errorf("bare SQL: %w", err)
		}
		if round >= 0 {
			limit.Values = append(limit.Values, rate)
		}
	}
	p1 := "claims granted and durable"
	s.report.add(
		atLeast("P1", p1, *rush[product], *rush["synchronous"], 3, 5).noting(cpuNotes(spent)...),
		atLeast("P1", p1, *rush[product], *rush["advisory-lock"], 8, 12),
		atLeast("P1", p1, *rush[product], *rush["river"], 3, 5),
	)
	if err := s.steady(ctx, *rush[product], limit); err != nil {
		return err
	}
	s.report.add(atMost("P3", "1,000 users, 100 codes, all outcomes known", *sale[product], *sale["synchronous"], 0.8, 0.5))
	p8 := *alone[product]
	s.report.add(atMost("P8", "one claim on an idle system, p50", p8, series{Name: "one millisecond", Unit: "ms", Values: []float64{1}}, 25, 15))
	return nil
}

// waits is P3 and P8 of one design.
func (s *stage) waits(ctx context.Context, d design, keep bool, sale, alone *series) error {
	for range sales {
		took, err := s.sale(ctx, d, 1000, 100)
		if err != nil {
			return err
		}
		if keep {
			sale.Values = append(sale.Values, float64(took.Microseconds())/1000)
		}
	}
	p50, err := s.alone(ctx, d, 200)
	if keep {
		alone.Values = append(alone.Values, p50)
	}
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
