package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Report is what a run injected, promised and found.
type Report struct {
	Seed     uint64         `json:"seed"`
	Scenario string         `json:"scenario,omitempty"`
	Broken   string         `json:"broken_rule,omitempty"`
	Began    time.Time      `json:"began"`
	Seconds  float64        `json:"seconds"`
	Injected map[string]int `json:"injected"` // faults by name
	Missed   []string       `json:"missed"`   // faults that hit nothing: they prove nothing
	Calls    int64          `json:"calls"`    // of clients, repeated ones too
	Promised map[string]int `json:"promised"` // by kind of job, and redemptions
	Refused  map[string]int `json:"refused"`  // by code
	Messages int            `json:"messages"` // that the receiver took, different ones
	Requests int            `json:"requests"` // that brought them
	Quiet    float64        `json:"quiet_seconds"`
	Calm     bool           `json:"calm"` // everything has come to its end
	// Recovery is the longest time from the end of a fault until claims are decided.
	Recovery map[string]float64 `json:"recovery_seconds"`
	Late     []string           `json:"late"` // faults after which that took too long
	Wrong    []string           `json:"wrong"`
}

// Faults counts those that were injected.
func (r Report) Faults() (n int) {
	for _, times := range r.Injected {
		n += times
	}
	return n
}

// Passed reports whether all promises were kept, every fault hit, and everything
// went on in time.
func (r Report) Passed() bool {
	return r.Faults() > 0 && len(r.Missed)+len(r.Late)+len(r.Wrong) == 0 && r.Calm
}

func (r *Report) recovered(name string, took time.Duration) {
	if r.Recovery == nil {
		r.Recovery = map[string]float64{}
	}
	r.Recovery[name] = max(r.Recovery[name], took.Seconds())
	if took > mostRecovery {
		r.Late = append(r.Late, name)
	}
}

func (r *Report) quiet(took time.Duration, calm bool) { r.Quiet, r.Calm = took.Seconds(), calm }

func (r *Report) count(l *load, hooks *receiver) {
	r.Seconds, r.Calls, r.Refused = time.Since(r.Began).Seconds(), l.calls.Load(), l.ledger.refused
	r.Promised = map[string]int{"redemption": len(l.ledger.redeemed)}
	for _, p := range l.ledger.jobs {
		r.Promised[p.Kind]++
	}
	hooks.mu.Lock()
	defer hooks.mu.Unlock()
	r.Messages, r.Requests = len(hooks.bodies), hooks.requests
}

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	line("seed %d, %.0f s, %d faults injected, %d of them hit nothing", r.Seed, r.Seconds, r.Faults(), len(r.Missed))
	for _, name := range slices.Sorted(maps.Keys(r.Injected)) {
		line("  %-26s %3d times, claims decided again after %4.1f s at most", name, r.Injected[name], r.Recovery[name])
	}
	line("promised: %v, in %d calls", r.Promised, r.Calls)
	line("refused: %v", r.Refused)
	line("webhooks: %d messages in %d requests", r.Messages, r.Requests)
	line("all at its end after %.1f s of quiet: %t", r.Quiet, r.Calm)
	for _, name := range r.Missed {
		line("HIT NOTHING: %s", name)
	}
	for _, name := range r.Late {
		line("TOO LATE: after %s", name)
	}
	const most = 20
	for _, wrong := range r.Wrong[:min(most, len(r.Wrong))] {
		line("WRONG: %s", wrong)
	}
	line("%d anomalies", len(r.Wrong))
}

// Scenarios are the names of all faults.
func Scenarios() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.name
	}
	return names
}
