package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// vital is something that must not grow, however long the service runs.
type vital struct {
	name, unit string
	slack      float64 // as much is little: it may grow up to here
}

// The rows and pages of tables that only collect what happened grow, and should.
var (
	ofPrograms = []struct {
		vital
		metric string
		scale  float64
	}{
		{vital{"live heap", "MiB", 8}, "go_memstats_heap_alloc_bytes", 1 << 20},
		{vital{"memory", "MiB", 16}, "process_resident_memory_bytes", 1 << 20},
		{vital{"goroutines", "", 20}, "go_goroutines", 1},
		{vital{"open files", "", 20}, "process_open_fds", 1},
	}
	ofPostgres = []struct {
		vital
		sql string
	}{
		{vital{"connections to Postgres", "", 4}, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'`},
		{vital{"claims that wait", "", 1000}, `SELECT count(*) FROM jobs WHERE kind = 'claim' AND status = 'queued'`},
		{vital{"bulk jobs that wait or run", "", 2}, `SELECT count(*) FROM jobs WHERE kind <> 'claim' AND status IN ('queued', 'running')`},
		{vital{"webhooks that wait", "", 100}, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'`},
		{vital{"rows of files that wait", "", 1000}, `SELECT count(*) FROM import_rows`},
		{vital{"stock and queue rows, size of each", "B", 4096}, `
			SELECT (pg_relation_size('book_stock') + pg_relation_size('book_queues')) / greatest(count(*), 1) FROM book_stock`},
		{vital{"dead rows in jobs and coupons", "%", 5}, `
			SELECT 100.0 * sum(n_dead_tup) / greatest(sum(n_live_tup + n_dead_tup), 1)
			FROM pg_stat_user_tables WHERE relname IN ('jobs', 'coupons')`},
	}
	ofRedis = vital{"memory of Redis", "MiB", 8}
)

// vitals are the values of each, a value a window.
type vitals map[vital][]float64

func (v vitals) names() []vital {
	return slices.SortedFunc(maps.Keys(v), func(a, b vital) int { return strings.Compare(a.name, b.name) })
}

// String tells the newest values.
func (v vitals) String() string {
	var parts []string
	for _, each := range v.names() {
		parts = append(parts, fmt.Sprintf("%s %.0f %s", each.name, v[each][len(v[each])-1], each.unit))
	}
	return strings.Join(parts, "; ")
}

// findings compare the last third of the time with the third before it: the
// first is for caches and heaps to fill.
func (v vitals) findings() (all []finding) {
	for _, each := range v.names() {
		third := len(v[each]) / 3
		middle := series{Name: "a third before", Unit: each.unit, Values: v[each][third : 2*third]}
		last := series{Name: product, Unit: each.unit, Values: v[each][len(v[each])-third:]}
		f := atMost("soak", each.name, last, middle, 1.15, 1.05)
		f.Ratio = max(last.median(), each.slack) / max(middle.median(), each.slack)
		all = append(all, f)
	}
	return all
}

// examine reads all vitals once.
func (s *stage) examine(ctx context.Context, seen vitals) error {
	for _, program := range []string{product, "worker"} {
		for _, v := range ofPrograms {
			value, err := s.vitalOf(ctx, program, v.metric)
			if err != nil {
				return err
			}
			named := v.vital
			named.name = cmp.Or(map[string]string{product: "API"}[program], program) + ": " + v.name
			seen[named] = append(seen[named], value/v.scale)
		}
	}
	for _, v := range ofPostgres {
		var value float64
		if err := s.pool.QueryRow(ctx, v.sql).Scan(&value); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		seen[v.vital] = append(seen[v.vital], value)
	}
	used, err := s.redisMemory(ctx)
	seen[ofRedis] = append(seen[ofRedis], used/(1<<20))
	return err
}

// redisMemory is how many bytes Redis uses.
func (s *stage) redisMemory(ctx context.Context) (float64, error) {
	info, err := s.redis.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	return strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
}

// vitalOf reads a metric of a program. Memory that the collector would free at
// its next run is nobody's: it runs first.
func (s *stage) vitalOf(ctx context.Context, program, metric string) (float64, error) {
	if _, err := s.fromPrivate(ctx, program, "/debug/pprof/heap?gc=1"); err != nil {
		return 0, err
	}
	text, err := s.fromPrivate(ctx, program, "/metrics")
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`(?m)^` + metric + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%s does not tell %s", program, metric)
	}
	return strconv.ParseFloat(found[1], 64)
}

// fromPrivate reads a page of a program's private listener.
func (s *stage) fromPrivate(ctx context.Context, program, page string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.private[program]+page, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
