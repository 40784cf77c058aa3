package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// cpu is the processor time that each program has used, in seconds.
type cpu map[string]float64

// spent reads the clocks of all programs that take part, this one too. What
// cannot be read counts for nothing: it is told, not judged by.
func (s *stage) spent() cpu {
	used := cpu{"load": seconds(os.Getpid()), "redis": seconds(s.redisPid)}
	for name, p := range s.running {
		used[name] = seconds(p.Pid())
	}
	postmaster, err := procfs.NewProc(s.postmaster)
	if err != nil {
		return used
	}
	if stat, err := postmaster.Stat(); err == nil { // of those that have ended
		used["postgres"] = float64(stat.CUTime+stat.CSTime) / 100
	}
	all, err := procfs.AllProcs()
	if err != nil {
		return used
	}
	for _, process := range all {
		if stat, err := process.Stat(); err == nil && (stat.PPID == s.postmaster || stat.PID == s.postmaster) {
			used["postgres"] += stat.CPUTime()
		}
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
func cpuNotes(all map[string]*reached) (notes []string) {
	for _, name := range append([]string{product}, peers...) {
		notes = append(notes, fmt.Sprintf("processor time for a claim in µs, %s: %s", name, all[name].spent))
	}
	return notes
}

// findServers finds Postgres and Redis among the processes.
func (s *stage) findServers(ctx context.Context) error {
	var backend int
	if err := s.pool.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return err
	}
	if process, err := procfs.NewProc(backend); err == nil {
		if stat, err := process.Stat(); err == nil {
			s.postmaster = stat.PPID
		}
	}
	info, err := s.redis.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(info, "process_id:")
	s.redisPid, _ = strconv.Atoi(strings.Fields(rest + " 0")[0])
	return nil
}
