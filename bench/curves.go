package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// curves measures how claims change along what an installation has more of:
// books, processes, free codes, rows; and what a thing of each kind weighs.
func (s *stage) curves(ctx context.Context, only string) error {
	all := &shape{report: s.report}
	warm := func(ctx context.Context, _ *shape) error { // after what is weighed in fresh tables
		_, err := s.rush(ctx, s.designs[0], claims)
		return err
	}
	for _, part := range []struct {
		name string
		draw func(context.Context, *shape) error
	}{
		{"weights", s.weights},
		{"warm", warm},
		{"books", s.alongBooks},
		{"workers", s.alongWorkers},
		{"apis", s.alongAPIs},
		{"free-codes", s.alongFreeCodes},
		{"rows", s.alongRows},
	} {
		if only != "" && !slices.Contains(strings.Split(only, ","), part.name) {
			continue
		}
		if err := part.draw(ctx, all); err != nil {
			return err
		}
	}
	return all.write()
}

// along measures claims a second at each place, after making it ready.
func (s *stage) along(ctx context.Context, c curve, places []int, ready func(at int) (hosts []string, books int, err error)) (curve, error) {
	for _, at := range places {
		hosts, books, err := ready(at)
		if err != nil {
			return c, err
		}
		p := point{at, series{Unit: "/s"}}
		for range s.rounds {
			rate, err := s.rushOver(ctx, hosts, books)
			if err != nil {
				return c, fmt.Errorf("%s %d: %w", c.Along, at, err)
			}
			p.Series.Values = append(p.Series.Values, rate)
		}
		c.Points = append(c.Points, p)
	}
	return c, nil
}

func (s *stage) alongBooks(ctx context.Context, all *shape) error {
	c, err := s.along(ctx, curve{What: "claims a second", Along: "hot books"}, []int{1, 4, 16, 64}, func(at int) ([]string, int, error) {
		return []string{s.designs[0].host}, at, nil
	})
	all.draw(c)
	return err
}

func (s *stage) alongWorkers(ctx context.Context, all *shape) error {
	c, err := s.along(ctx, curve{What: "claims a second, four hot books", Along: "workers"}, []int{1, 2, 3, 4}, func(at int) (hosts []string, _ int, err error) {
		if at > 1 {
			_, err = s.start(ctx, "worker", fmt.Sprintf("worker-%d", at), s.env)
		}
		return []string{s.designs[0].host}, 4, err
	})
	for at := 2; at <= 4; at++ {
		err = errors.Join(err, s.running[fmt.Sprintf("worker-%d", at)].Stop())
	}
	all.draw(c)
	return err
}

func (s *stage) alongAPIs(ctx context.Context, all *shape) error {
	hosts := []string{s.designs[0].host}
	c, err := s.along(ctx, curve{What: "claims a second", Along: "API processes"}, []int{1, 2}, func(at int) (_ []string, _ int, err error) {
		if at > 1 {
			var host string
			host, err = s.start(ctx, "api", "api-2", s.env)
			hosts = append(hosts, host)
		}
		return hosts, 1, err
	})
	all.draw(c)
	return errors.Join(err, s.running["api-2"].Stop())
}

// rushOver sends claims to books in turns, over hosts in turns, and returns how
// many a second were granted.
func (s *stage) rushOver(ctx context.Context, hosts []string, books int) (float64, error) {
	each := claims / books
	ids := make([]uuid.UUID, books)
	for i := range ids {
		var err error
		if ids[i], err = s.book(ctx, each); err != nil {
			return 0, err
		}
	}
	shares := make([][]request, len(hosts))
	for i := range each * books {
		host := i % len(hosts)
		shares[host] = append(shares[host], newRequest(hosts[host], ids[i%books].String(), s.tokens[i%len(s.tokens)], uuid.NewString(), "respond-async"))
	}
	var sending errgroup.Group
	start := time.Now()
	for i, host := range hosts {
		sending.Go(func() error {
			got, err := send(host, shares[i], connections/len(hosts))
			if err == nil && got.statuses[http.StatusAccepted] != len(shares[i]) {
				err = fmt.Errorf("not all claims were accepted: %v", got.statuses)
			}
			return err
		})
	}
	err := sending.Wait()
	for _, book := range ids {
		if err == nil {
			err = s.untilLeft(ctx, s.designs[0], book, 0)
		}
	}
	return float64(each*books) / time.Since(start).Seconds(), err
}

func (s *stage) alongFreeCodes(ctx context.Context, all *shape) error {
	const each, turns = 1_000, 8
	c := curve{What: "a claim", Along: "free codes"}
	for _, at := range []int{1_000, 10_000, 100_000, 1_000_000} {
		p := point{at, series{Unit: "µs"}}
		left := 0
		var book uuid.UUID
		for range turns {
			var err error
			if left < each {
				if book, err = s.book(ctx, at); err == nil {
					err = s.patiently(ctx, `VACUUM ANALYZE coupons`, `CHECKPOINT`)
				}
				left = at
			}
			if err != nil {
				return err
			}
			left -= each
			took, err := s.drained(ctx, book, each, left)
			if err != nil {
				return err
			}
			p.Series.Values = append(p.Series.Values, took)
		}
		c.Points = append(c.Points, p)
	}
	all.draw(c)
	return nil
}

// alongRows fills jobs and events with claims of the past, as many of each.
func (s *stage) alongRows(ctx context.Context, all *shape) error {
	c, err := s.along(ctx, curve{What: "claims a second", Along: "rows at least in jobs and in events"}, []int{0, 100_000, 1_000_000}, func(at int) ([]string, int, error) {
		return []string{s.designs[0].host}, 1, s.past(ctx, at)
	})
	all.draw(c)
	return err
}

// past adds refused claims of long ago until there are n.
func (s *stage) past(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	book, err := s.book(ctx, 1)
	if err != nil {
		return err
	}
	const each = 100_000
	var statements []string
	for from := 0; from < n; from += each {
		statements = append(statements, fmt.Sprintf(`
			WITH old AS (
				INSERT INTO jobs (id, kind, status, book_id, user_id, submitter_id, idempotency_key, fingerprint, seq, processed, failed,
				                  error_code, error_detail, created_at, started_at, finished_at)
				SELECT gen_random_uuid(), 'claim', 'failed', '%[1]s', u.id, u.id, gen_random_uuid()::text, '\x00', %[2]d + n, 1, 1, 'sold_out', 'no code is left',
				       now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour'
				FROM generate_series(1, %[3]d) AS n JOIN (SELECT id, row_number() OVER () AS i FROM users) u ON u.i = 1 + n %% 10000
				RETURNING id, book_id, user_id)
			INSERT INTO events (type, book_id, job_id, user_id, actor_id, data, created_at)
			SELECT 'job.failed', book_id, id, user_id, user_id, '{"code": "sold_out"}', now() - interval '1 hour' FROM old`, book, 1_000_000+from, each))
	}
	return s.patiently(ctx, slices.Concat(statements, []string{`VACUUM ANALYZE jobs, events`, `CHECKPOINT`})...)
}
