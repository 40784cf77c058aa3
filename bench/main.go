// Command bench measures claims side by side with the usual designs, on the
// same machine, Postgres, rows and HTTP stack, in one run. What counts are the
// ratios: P1, P3 and P8 of the product's goals, or, with -distribution, P5.
// `make bench-quick` and `make bench-distribution` run it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	rounds      = 3
	claims      = 12_000 // of a P1 round
	sales       = 3      // of a round
	connections = 256
	floorP1     = 2.5 // times the synchronous design
)

func main() {
	people := flag.Int("distribution", 0, "measure a distribution to so many recipients instead of claims")
	flag.Parse()
	if err := run(context.Background(), *people); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figures are what one design reached, a value a round.
type figures struct {
	P1 []float64 `json:"p1_claims_per_second"`
	P3 []float64 `json:"p3_milliseconds"`
	P8 []float64 `json:"p8_p50_milliseconds,omitempty"`
}

func run(ctx context.Context, people int) error {
	dir, err := os.MkdirTemp("", "couponbook-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := newStage(ctx, dir)
	if err != nil {
		return err
	}
	defer s.close()
	if people > 0 {
		return s.distribution(ctx, people)
	}
	results := map[string]*figures{}
	for _, d := range s.designs {
		results[d.name] = &figures{}
		// Warm caches and connections; what it measures is not kept.
		if err = s.measure(ctx, d, &figures{}); err != nil {
			return fmt.Errorf("warm %s up: %w", d.name, err)
		}
	}
	for round := range rounds {
		for _, d := range s.designs {
			say("round %d of %d: %s", round+1, rounds, d.name)
			if err = s.measure(ctx, d, results[d.name]); err != nil {
				return fmt.Errorf("measure %s: %w", d.name, err)
			}
		}
	}
	return report(results)
}

func (s *stage) measure(ctx context.Context, d design, f *figures) error {
	rate, err := s.rush(ctx, d, claims)
	if err != nil {
		return err
	}
	f.P1 = append(f.P1, rate)
	for range sales {
		sale, err := s.sale(ctx, d, 1000, 100)
		if err != nil {
			return err
		}
		f.P3 = append(f.P3, float64(sale.Microseconds())/1000)
	}
	alone, err := s.alone(ctx, d, 200)
	if err != nil {
		return err
	}
	f.P8 = append(f.P8, alone)
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// report prints the medians and their ratios, writes them as JSON, and fails
// below the floor.
func report(results map[string]*figures) error {
	ours, synchronous, advisory := results[product], results["synchronous"], results["advisory-lock"]
	say("\n%-42s %12s %12s %14s", "medians of the rounds", product, "synchronous", "advisory-lock")
	line := func(name, unit string, pick func(*figures) []float64) {
		say("%-42s %12.1f %12.1f %14.1f  %s", name, median(pick(ours)), median(pick(synchronous)), median(pick(advisory)), unit)
	}
	line("P1 claims granted and durable", "a second", func(f *figures) []float64 { return f.P1 })
	line("P3 1,000 users, 100 codes, all known", "ms", func(f *figures) []float64 { return f.P3 })
	line("P8 one claim on an idle system, p50", "ms", func(f *figures) []float64 { return f.P8 })
	p1 := median(ours.P1) / median(synchronous.P1)
	say("\nP1 is %.2f times the synchronous design (floor here %.1f) and %.2f times the advisory lock",
		p1, floorP1, median(ours.P1)/median(advisory.P1))
	say("P3 takes %.2f times the synchronous design's time", median(ours.P3)/median(synchronous.P3))
	file := filepath.Join("bench", "results", "quick.json")
	data, err := json.MarshalIndent(map[string]any{"at": time.Now().UTC(), "results": results}, "", "  ")
	if err == nil {
		err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), os.WriteFile(file, data, 0o600))
	}
	if err != nil {
		return err
	}
	say("written to %s", file)
	if p1 < floorP1 {
		return fmt.Errorf("P1 is below its floor: %.2f < %.1f", p1, floorP1)
	}
	return nil
}

func say(format string, args ...any) {
	_, _ = fmt.Fprintln(os.Stdout, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}
