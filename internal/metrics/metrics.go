// Package metrics has the numbers that a process counts for Prometheus. Who
// counts needs to know no more than the name; package telemetry serves them.
//
// Times are in seconds. Labels have few values, all known beforehand: no ids.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The claims, from being accepted to being decided.
var (
	// ClaimsDecided counts by outcome: granted, or the code of the refusal.
	ClaimsDecided = counters("couponbook_claims_decided_total", "Claims decided, by outcome.", "outcome")
	// ClaimsTurnedAway counts claims that were refused before a job was made of
	// them, by the code of the refusal.
	ClaimsTurnedAway = counters("couponbook_claims_turned_away_total", "Claims refused at the door, by code.", "code")
	// ClaimWait is how long claims wait from acceptance to their outcome.
	ClaimWait = times("couponbook_claim_wait_seconds", "From the acceptance of a claim to its outcome.")

	// AcceptGroup and DrainGroup are how many claims a transaction accepts, and
	// decides.
	AcceptGroup = sizes("couponbook_accept_group_claims", "Claims in a transaction that accepts.")
	DrainGroup  = sizes("couponbook_drain_group_claims", "Claims in a transaction that decides.")
	// AcceptTime and DrainTime are how long these transactions take.
	AcceptTime = times("couponbook_accept_group_seconds", "Time of a transaction that accepts claims.")
	DrainTime  = times("couponbook_drain_group_seconds", "Time of a transaction that decides claims.")
)

// What goes on behind the doors.
var (
	// Mutexes counts tries to get a mutex: held, taken by another, or without,
	// where Redis is in trouble; and those lost before their work was over.
	Mutexes = counters("couponbook_mutex_total", "Tries to get a mutex, by what came of it; and lost ones.", "result")
	// Tasks is how long tasks of asynq take, by their name and how they end: ok or error.
	Tasks = timesBy("couponbook_task_seconds", "Time of a task, by name and result.", "task", "result")
	// Loops is how long steps of loops take, by the loop's name and how they end: ok or error.
	Loops = timesBy("couponbook_loop_step_seconds", "Time of a step of a loop, by name and result.", "loop", "result")
	// SweptBooks counts books whose claims a sweeper had to look after: their
	// doorbell was lost, or their worker died.
	SweptBooks = counter("couponbook_swept_books_total", "Books whose waiting claims a sweeper found.")
)

// The webhooks.
var (
	// WebhookAttempts is how long attempts take, by what came of them: delivered,
	// retry, give_up or disable.
	WebhookAttempts = timesBy("couponbook_webhook_attempt_seconds", "Time of an attempt to deliver, by verdict.", "verdict")
	// WebhookLag is how long messages are under way, from the event on.
	WebhookLag = times("couponbook_webhook_lag_seconds", "From an event to the delivery of its message.")
)

// All are the collectors of this package.
func All() []prometheus.Collector { return all }

var all []prometheus.Collector

func known[C prometheus.Collector](c C) C {
	all = append(all, c)
	return c
}

// buckets reach from a millisecond to the longest that a client waits.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func counter(name, help string) prometheus.Counter {
	return known(prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help}))
}

func counters(name, help, label string) *prometheus.CounterVec {
	return known(prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label}))
}

func times(name, help string) prometheus.Histogram {
	return known(prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}))
}

func timesBy(name, help string, labels ...string) *prometheus.HistogramVec {
	return known(prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}

func sizes(name, help string) prometheus.Histogram {
	return known(prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(1, 2, 10)}))
}

// Result is the label of how something ended.
func Result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

// Since is the time since start in seconds.
func Since(start time.Time) float64 { return time.Since(start).Seconds() }
