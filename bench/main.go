// Command bench measures the product beside the usual designs and beside what
// Postgres and Gin can do at most: the same machine, services, rows and HTTP
// stack, in turns, in one run. What counts are the ratios. `make bench` runs all
// of it, and fails when one is below its floor; `make bench-quick` the claims.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	claims      = 12_000 // of a P1 round
	fewest      = 1_500  // claims of a round, of a slow design
	refused     = 20_000 // of a P10 round
	sales       = 3      // of a round
	connections = 200
	bareGroup   = 500 // claims that bare SQL accepts at once
)

func main() {
	quick := flag.Bool("quick", false, "measure claims alone (P1, P2, P3, P8)")
	only := flag.String("only", "", "measure these parts alone, with commas between: "+strings.Join(names(), ", "))
	rounds := flag.Int("rounds", 3, "how many rounds")
	soak := flag.Duration("soak", 0, "in place of all that: work at half load for so long, and see what grows")
	curves := flag.Bool("curves", false, "in place of all that: measure along rows, codes, books and processes")
	people := flag.Int("distribution", 100_000, "how many people a distribution is for")
	flag.Parse()
	do := plan{*quick, *only, *people, *soak, *curves}
	if err := run(context.Background(), do, size{*rounds, 1_000_000}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// part is something to measure, with the name it is asked for by.
type part struct {
	name    string
	measure func(context.Context, *stage, int) error
}

var parts = []part{
	{"claims", func(ctx context.Context, s *stage, _ int) error { return s.flashSale(ctx) }},
	{"refusals", func(ctx context.Context, s *stage, _ int) error { return s.refusals(ctx) }},
	{"till", func(ctx context.Context, s *stage, _ int) error { return s.till(ctx) }},
	{"free-codes", func(ctx context.Context, s *stage, _ int) error { return s.freeCodes(ctx) }},
	{"distribution", func(ctx context.Context, s *stage, people int) error { return s.distribution(ctx, people) }},
	{"profile", func(ctx context.Context, s *stage, _ int) error { return s.profile(ctx) }},
	{"codes", func(ctx context.Context, s *stage, _ int) error { return s.codes(ctx) }},
}

func names() (all []string) {
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}

// plan is what to measure.
type plan struct {
	quick  bool
	only   string
	people int // of a distribution
	soak   time.Duration
	curves bool
}

func run(ctx context.Context, do plan, size size) (err error) {
	dir, err := os.MkdirTemp("", "couponbook-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := newStage(ctx, dir, size)
	if err != nil {
		return err
	}
	defer s.close()
	name := "bench"
	switch {
	case do.soak > 0:
		name, err = "soak", s.soak(ctx, do.soak)
	case do.curves:
		return s.curves(ctx, do.only)
	case do.quick:
		name, err = "quick", s.goals(ctx, "claims", do.people)
	default:
		err = s.goals(ctx, do.only, do.people)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.report.write(name), s.report.failed())
}

// goals measures what docs/benchmarks.md lists, or these parts of it.
func (s *stage) goals(ctx context.Context, only string, people int) error {
	if err := s.startPeers(ctx); err != nil {
		return err
	}
	for _, p := range parts {
		if !slices.Contains(strings.Split(only, ","), p.name) && (only != "" || p.name == "profile") {
			continue
		}
		start := time.Now()
		if err := p.measure(ctx, s, people); err != nil {
			return fmt.Errorf("measure %s: %w", p.name, err)
		}
		say("     (%s took %.0f s)", p.name, time.Since(start).Seconds())
	}
	return nil
}

func say(format string, args ...any) {
	_, _ = fmt.Fprintln(os.Stdout, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}
