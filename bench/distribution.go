package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// raw is what a distribution comes to in bare SQL: the same rows, written in
// parts of the same size by one statement a table, inside of Postgres, with
// nobody else there. It knows no plan, no limits, no progress and no crash.
const raw = `
	CREATE OR REPLACE PROCEDURE bench_raw(the_job uuid, the_snapshot uuid, the_book uuid, total integer) LANGUAGE plpgsql AS $$
	DECLARE
		users uuid[];
		ids uuid[];
		done integer := 0;
		rank bigint := -1;
	BEGIN
		SET LOCAL enable_hashjoin = off;
		WHILE done < total LOOP
			PERFORM FROM book_stock WHERE book_id = the_book FOR UPDATE;
			SELECT array_agg(user_id ORDER BY n) INTO users FROM distribution_rows
			WHERE job_id = the_snapshot AND n > done AND n <= done + 1000;
			SELECT array_agg(id ORDER BY draw_rank), max(draw_rank) INTO ids, rank FROM (
				SELECT id, draw_rank FROM coupons
				WHERE book_id = the_book AND state = 'UNASSIGNED' AND disabled_at IS NULL AND draw_rank > rank
				ORDER BY draw_rank LIMIT cardinality(users) FOR UPDATE SKIP LOCKED) free;
			UPDATE coupons c SET state = 'ASSIGNED', user_id = won.user_id, job_id = the_job, assigned_at = now(), event_seq = 1
			FROM unnest(ids, users) AS won (id, user_id) WHERE c.id = won.id;
			INSERT INTO book_user_limits (book_id, user_id, used) SELECT the_book, user_id, 1 FROM unnest(users) AS user_id;
			INSERT INTO events (type, book_id, coupon_id, coupon_seq, job_id, user_id, actor_id, created_at)
			SELECT 'coupon.assigned', the_book, id, 1, the_job, user_id, the_job, now() FROM unnest(ids, users) AS won (id, user_id);
			INSERT INTO job_outcomes (job_id, n, status, user_id, planned, coupon_ids)
			SELECT the_job, done + n, 'granted', user_id, 1, ARRAY[id] FROM unnest(ids, users) WITH ORDINALITY AS won (id, user_id, n);
			UPDATE book_stock SET free = free - cardinality(ids) WHERE book_id = the_book;
			done := done + cardinality(users);
			COMMIT;
			SET LOCAL enable_hashjoin = off;
		END LOOP;
	END $$`

// distribution is P5: coupons for as many people, by the product and by bare
// SQL, in turns; and what that does to claims on another book.
func (s *stage) distribution(ctx context.Context, people int) error {
	d := s.designs[0]
	pool, err := s.crowd(ctx, people)
	if err != nil {
		return err
	}
	if _, err = s.pool.Exec(ctx, raw); err != nil {
		return err
	}
	quiet, err := s.claimsFor(ctx, d, func() bool { return true })
	if err != nil {
		return err
	}
	ours, bare := series{Name: product, Unit: "/s"}, series{Name: "bare SQL", Unit: "/s"}
	grown, busy := 0, 0.0
	for round := range s.rounds {
		say("     distribution, round %d", round+1)
		book, err := s.book(ctx, people)
		if err != nil {
			return err
		}
		watch, err := grownOf(s.running["worker"].Pid())
		if err != nil {
			return err
		}
		job, err := s.service.SubmitDistribution(ctx, s.owner, service.DistributionRequest{
			PoolID: pool, BookID: book, Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
		})
		if err != nil {
			return err
		}
		var p99 float64
		if round == 0 { // the others show what it takes alone
			if p99, err = s.claimsFor(ctx, d, func() bool { return s.ended(ctx, job.Job.ID) }); err != nil {
				return err
			}
		}
		for !s.ended(ctx, job.Job.ID) {
			<-time.After(20 * time.Millisecond)
		}
		busy = max(busy, p99)
		grown = max(grown, watch())
		rate, err := s.rateOf(ctx, job.Job.ID, people)
		if err != nil {
			return err
		}
		if round > 0 {
			ours.Values = append(ours.Values, rate)
		}
		if book, err = s.book(ctx, people); err != nil {
			return err
		}
		start := time.Now()
		if err = s.patiently(ctx, fmt.Sprintf(`CALL bench_raw(gen_random_uuid(), '%s', '%s', %d)`, job.Job.ID, book, people)); err != nil {
			return err
		}
		if err = s.granted(ctx, book, people); err != nil {
			return err
		}
		bare.Values = append(bare.Values, float64(people)/time.Since(start).Seconds())
	}
	s.report.add(
		atLeast("P5", fmt.Sprintf("coupons distributed to %d people", people), ours, bare, 0.45, 0.6),
		memory("P5", "memory that the worker grew by", grown),
		atMost("P5", "a claim on another book meanwhile, p99", series{Name: product, Unit: "ms", Values: []float64{busy}},
			series{Name: "before", Unit: "ms", Values: []float64{quiet}}, 2, 2))
	return nil
}

// crowd makes a pool of people.
func (s *stage) crowd(ctx context.Context, people int) (uuid.UUID, error) {
	pool, err := s.service.CreatePool(ctx, s.owner, coupon.PoolSettings{Name: "bench"})
	if err != nil {
		return pool.ID, err
	}
	return pool.ID, s.patiently(ctx,
		`INSERT INTO users (id, external_id)
		 SELECT (lpad(to_hex(n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid, 'bench-' || n
		 FROM generate_series(1, `+strconv.Itoa(people)+`) AS n`,
		`INSERT INTO pool_members (pool_id, user_id) SELECT '`+pool.ID.String()+`', id FROM users WHERE external_id LIKE 'bench-%' ORDER BY id`,
		`UPDATE pools SET members = `+strconv.Itoa(people)+` WHERE id = '`+pool.ID.String()+`'`,
		`VACUUM ANALYZE users, pool_members`)
}

// patiently runs statements that may take as long as they take.
func (s *stage) patiently(ctx context.Context, statements ...string) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for _, statement := range append([]string{`SET statement_timeout = 0`}, append(statements, `RESET statement_timeout`)...) {
		if err == nil {
			_, err = conn.Exec(ctx, statement)
		}
	}
	return err
}

// claimsFor claims on a book of its own, one claim after the other, at least
// five hundred and until done says so. It returns their p99 in milliseconds.
func (s *stage) claimsFor(ctx context.Context, d design, done func() bool) (float64, error) {
	book, err := s.book(ctx, claims)
	if err != nil {
		return 0, err
	}
	requests := s.requests(d, book, claims, "wait=10")
	var all []float64
	for ; len(requests) >= 100 && (len(all) < 5 || !done()); requests = requests[100:] {
		got, err := send(d.host, requests[:100], 1)
		if err != nil {
			return 0, err
		}
		if got.statuses[200] != 100 {
			return 0, fmt.Errorf("not all claims were granted: %v", got.statuses)
		}
		all = append(all, float64(got.latency.ValueAtQuantile(99))/1000)
	}
	return median(all), nil
}

func (s *stage) ended(ctx context.Context, job uuid.UUID) (ended bool) {
	err := s.pool.QueryRow(ctx, `SELECT finished_at IS NOT NULL FROM jobs WHERE id = $1`, job).Scan(&ended)
	return ended || err != nil
}

// rateOf is how many recipients a second a distribution served, from its start
// to its end, plan and all.
func (s *stage) rateOf(ctx context.Context, job uuid.UUID, people int) (rate float64, err error) {
	var served int
	err = s.pool.QueryRow(ctx, `
		SELECT succeeded / extract(epoch FROM finished_at - started_at), succeeded FROM jobs WHERE id = $1`, job).Scan(&rate, &served)
	if err == nil && served != people {
		err = fmt.Errorf("%d of %d were served", served, people)
	}
	return rate, err
}

// grownOf starts to watch a process's memory; what it returns tells by how much
// that has grown at most, in KiB.
func grownOf(pid int) (func() int, error) {
	directory := filepath.Join("/proc", strconv.Itoa(pid))
	peak := func() int {
		status, _ := os.ReadFile(filepath.Join(directory, "status"))
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		size, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
		return size
	}
	if err := os.WriteFile(filepath.Join(directory, "clear_refs"), []byte("5"), 0); err != nil {
		return nil, errors.Join(errors.New("memory can be watched on Linux only"), err)
	}
	before := peak()
	return func() int { return peak() - before }, nil
}
