package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// cpu is the processor time that each program has used, in seconds.
type cpu map[string]float64

// spent reads the clocks of all programs that take part, this one too. What
// cannot be read counts for nothing: it is told, not judged by.
func (s *stage) spent() cpu {
	used := cpu{"load": seconds(os.Getpid())}
	for name, p := range s.running {
		used[name] = seconds(p.Pid())
	}
	for _, pid := range s.serverPids {
		used["servers"] += seconds(pid)
	}
	return used
}

func seconds(pid int) float64 {
	process, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, err := process.Stat()
	if err != nil {
		return 0
	}
	return stat.CPUTime()
}

func (c cpu) since(before cpu) cpu {
	used := cpu{}
	for name, now := range c {
		used[name] = now - before[name]
	}
	return used
}

// perClaim writes who used how many microseconds for a claim, the most first.
func (c cpu) perClaim(n int) string {
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int { return cmp.Compare(c[b], c[a]) })
	var parts []string
	for _, name := range names {
		if each := c[name] * 1e6 / float64(n); each >= 1 {
			parts = append(parts, fmt.Sprintf("%s %.0f", name, each))
		}
	}
	return strings.Join(parts, ", ")
}

// cpuNotes tell what each design spent on a claim.
func cpuNotes(spent map[string]string) (notes []string) {
	for _, name := range append([]string{product}, peers...) {
		notes = append(notes, fmt.Sprintf("processor time for a claim in µs, %s: %s", name, spent[name]))
	}
	return notes
}

// findServers notes the processes of Postgres and Redis that there are once all
// programs have connected.
func (s *stage) findServers(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, `SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err = rows.Scan(&pid); err != nil {
			return err
		}
		s.serverPids = append(s.serverPids, pid)
	}
	return rows.Err()
}
