package service

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/metrics"
	"couponbook/internal/postgres"
	"couponbook/internal/tracing"
)

// publishWait is how long those who wait for an outcome may hold up the next group.
const publishWait = 250 * time.Millisecond

// tell counts the outcomes and wakes who waits for them.
func (d *Drainer) tell(ctx context.Context, decided []coupon.Decision, done *Drained) {
	if len(decided) == 0 {
		return
	}
	jobs := make([]uuid.UUID, 0, len(decided))
	for i, decision := range decided {
		if i == 0 || !decision.Batch { // a batch is one job
			jobs = append(jobs, decision.JobID)
		}
		if decision.Granted() {
			done.Granted++
		} else {
			done.Refused++
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWait)
	defer cancel()
	if err := d.queue.PublishDone(ctx, jobs); err != nil {
		slog.WarnContext(ctx, "finished jobs not published", "jobs", len(jobs), "error", err)
	}
}

// count counts outcomes, for those who watch.
func count(settled postgres.Settlement, start time.Time) {
	if len(settled.Decided) == 0 {
		return
	}
	metrics.DrainGroup.Observe(float64(len(settled.Decided)))
	metrics.DrainTime.Observe(metrics.Since(start))
	outcomes := map[string]int{}
	for i := range settled.Decided {
		outcomes[outcomeOf(settled.Decided[i])]++
		metrics.ClaimWait.Observe(settled.Now.Sub(settled.Decided[i].CreatedAt).Seconds())
	}
	for outcome, n := range outcomes {
		metrics.ClaimsDecided.WithLabelValues(outcome).Add(float64(n))
	}
}

// trace goes on with the traces that claims were accepted in, and writes a line
// for each of these claims.
func (d *Drainer) trace(ctx context.Context, start time.Time, settled postgres.Settlement) {
	if !tracing.On() || len(settled.Decided) == 0 {
		return
	}
	jobs := make([]uuid.UUID, len(settled.Decided))
	for i := range settled.Decided {
		jobs[i] = settled.Decided[i].JobID
	}
	traces, err := d.store.Traces(ctx, jobs)
	if err != nil {
		slog.WarnContext(ctx, "traces not found", "book_id", settled.BookID, "error", err)
	}
	for i, decision := range settled.Decided {
		trace := traces[decision.JobID]
		if trace == "" || i > 0 && decision.Batch { // a batch is one job
			continue
		}
		own, span := tracing.StartAt(tracing.Under(ctx, trace), start, "decide claim", "job.id", decision.JobID.String(),
			"book.id", settled.BookID.String(), "claim.outcome", outcomeOf(decision), "group.claims", strconv.Itoa(len(jobs)))
		span.Link(ctx)
		span.Close(nil)
		slog.InfoContext(own, "claim", "job_id", decision.JobID, "book_id", settled.BookID, "outcome", outcomeOf(decision),
			"waited_ms", settled.Now.Sub(decision.CreatedAt).Milliseconds(), "group", len(jobs), "trace_id", tracing.ID(own))
	}
}

func outcomeOf(d coupon.Decision) string {
	if d.Granted() {
		return "granted"
	}
	return d.Refusal.Code
}
