package flashsale

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"
)

// Result is the count of a sale.
type Result struct {
	BookID        uuid.UUID      `json:"book_id"`
	Users         int            `json:"users"`
	Codes         int            `json:"codes"`
	Accepted      int            `json:"accepted"` // claims that became jobs
	Granted       int            `json:"granted"`
	Refused       map[string]int `json:"refused"` // by reason
	Errors        int            `json:"errors"`
	FirstError    string         `json:"first_error,omitempty"`
	Duplicates    int            `json:"duplicates"`  // codes that two customers got
	AskedAgain    int            `json:"asked_again"` // winners whose second request brought the same code
	Accept        Quantiles      `json:"accept_ms"`
	Outcome       Quantiles      `json:"outcome_ms"`
	ClaimsASecond float64        `json:"claims_per_second"`
}

// Quantiles of a time, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

func newResult(plan Plan, book uuid.UUID, c crowd) Result {
	r := Result{BookID: book, Users: plan.Users, Codes: plan.Codes, Refused: map[string]int{}}
	accept, settle := histogram(), histogram()
	holders := map[string]int{}
	for _, o := range c.outcomes {
		if o.job {
			r.Accepted++
		}
		_ = accept.RecordValue(o.accepted.Microseconds()) // beyond ten minutes counts as ten
		_ = settle.RecordValue(o.settled.Microseconds())
		switch {
		case o.err != nil:
			if r.Errors++; r.Errors == 1 {
				r.FirstError = o.err.Error()
			}
		case o.refusal != "":
			r.Refused[o.refusal]++
		default:
			r.Granted++
			holders[o.code]++
		}
	}
	for _, n := range holders {
		r.Duplicates += n - 1
	}
	r.Accept, r.Outcome = quantiles(accept), quantiles(settle)
	r.ClaimsASecond = float64(len(c.outcomes)) / c.took.Seconds()
	return r
}

func histogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (10 * time.Minute).Microseconds(), 3)
}

func quantiles(h *hdrhistogram.Histogram) Quantiles {
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return Quantiles{at(50), at(95), at(99)}
}

// Exact reports whether everyone got what he had to: as many grants as codes
// or customers, a sold_out for each of the others, and nothing else.
func (r Result) Exact() bool {
	want := min(r.Users, r.Codes)
	return r.Granted == want && r.Refused["sold_out"] == r.Users-want && r.Errors == 0 &&
		r.Duplicates == 0 && r.AskedAgain == want
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("  %d users asked at once for %d codes", r.Users, r.Codes)
	say("  granted       %6d", r.Granted)
	reasons := make([]string, 0, len(r.Refused))
	for reason := range r.Refused {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		say("  refused       %6d  %s", r.Refused[reason], reason)
	}
	say("  errors        %6d  %s", r.Errors, r.FirstError)
	say("  duplicates    %6d", r.Duplicates)
	say("  asked again   %6d  winners, each got his own code again", r.AskedAgain)
	say("  accepted in   %8.1f ms p50  %8.1f p95  %8.1f p99", r.Accept.P50, r.Accept.P95, r.Accept.P99)
	say("  outcome in    %8.1f ms p50  %8.1f p95  %8.1f p99", r.Outcome.P50, r.Outcome.P95, r.Outcome.P99)
	say("  %.0f claims a second", r.ClaimsASecond)
}
