package coupon

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	ClaimJob    JobKind = "claim"          // coupons for one user, drawn at random
	BatchJob    JobKind = "claim_batch"    // the same for many users, each an item
	AssignJob   JobKind = "assign"         // a chosen coupon for one user
	GenerateJob JobKind = "generate_codes" // codes for a book
	ImportJob   JobKind = "import_codes"   // codes of an upload
	VoidJob     JobKind = "void_codes"     // all codes of a batch
	ExportJob   JobKind = "export_codes"   // codes of a book, as a file

	ImportMembersJob JobKind = "import_members"      // members of a pool, of a file
	DistributionJob  JobKind = "distribution"        // coupons for the members of a pool
	RecallJob        JobKind = "recall_distribution" // takes back what one gave out

	ReplayJob JobKind = "replay_events" // sends the events of a span of time to an endpoint again
)

// Waits reports whether jobs of the kind have a place in their book's queue.
func (k JobKind) Waits() bool { return k == ClaimJob || k == BatchJob || k == AssignJob }

// JobStatus is how far a job is.
type JobStatus string

// The statuses of a job: queued → running → an end. A claim goes from queued to
// its end in one transaction, so that it cannot be stuck between. A distribution
// can be paused, and is queued again when it is resumed.
const (
	Queued             JobStatus = "queued"
	Running            JobStatus = "running"
	Succeeded          JobStatus = "succeeded"
	PartiallySucceeded JobStatus = "partially_succeeded" // a bulk job; its outcomes tell which items failed
	Failed             JobStatus = "failed"
	JobPaused          JobStatus = "paused"
	Canceled           JobStatus = "canceled" // what was done until then stays
)

// Job is what a client submits and follows.
type Job struct {
	ID          uuid.UUID
	Kind        JobKind
	Status      JobStatus
	BookID      *uuid.UUID // nil: it is about a pool alone
	PoolID      *uuid.UUID // of a distribution or an import of members
	UserID      *uuid.UUID // whom a claim is for
	CouponID    *uuid.UUID // the chosen one, of an assign
	SubmitterID uuid.UUID
	Total       int // coupons asked for, codes to make, recipients
	Processed   int
	Succeeded   int
	Failed      int
	Skipped     int
	Canceling   bool            // it was asked to end where it is
	Position    *int64          // of a waiting claim: 1 is next; it never grows
	LeftMS      *int64          // of a waiting claim, about how long it has still to wait; nil: not known
	WaitedMS    int64           // until it was begun, or until now
	Coupons     []Granted       // what a claim was granted
	Held        []Granted       // when the limit is reached: what the user holds
	Terms       json.RawMessage // of a distribution, what was asked for
	Result      json.RawMessage // of a bulk job
	ErrorCode   *string
	ErrorDetail *string
	CreatedAt   time.Time
	StartedAt   *time.Time
	FinishedAt  *time.Time
}

// Done reports whether the job has ended.
func (j Job) Done() bool { return JobEnded[j.Status] != "" }

// Version names what there is to see of the job: it changes whenever that does,
// and not with the time alone.
func (j Job) Version() string {
	j.LeftMS, j.WaitedMS = nil, 0
	data, err := json.Marshal(j)
	if err != nil {
		panic(err) // a job has nothing that JSON has not
	}
	sum := fnv.New64a()
	_, _ = sum.Write(data)
	return strconv.FormatUint(sum.Sum64(), 36)
}

// Behind reports whether the job was read before the other, which is the same
// one: what it counts never goes back.
func (j Job) Behind(other Job) bool {
	if other.Done() {
		return !j.Done()
	}
	return j.Processed < other.Processed ||
		j.Position != nil && other.Position != nil && *j.Position > *other.Position
}

// The bounds of PollAfter.
const (
	pollSoonest = time.Second
	pollLatest  = 10 * time.Second
)

// PollAfter is when it is worth to look at the job again.
func (j Job) PollAfter() time.Duration {
	pause := time.Duration(j.WaitedMS) * time.Millisecond / 10 // of what has taken long, what is next may too
	if j.LeftMS != nil {
		pause = time.Duration(*j.LeftMS) * time.Millisecond
	}
	return min(max(pause, pollSoonest), pollLatest)
}

// fullGroup is a group of claims that tells all about how fast claims are decided.
const fullGroup = 500

// DrainRate is how many claims a second a book's queue moves on, as known
// before and after a group that had n claims and took as long. Small groups tell
// little: there was not more to do.
func DrainRate(known *float64, n int, took time.Duration) *float64 {
	rate := float64(n) / max(took, time.Millisecond).Seconds()
	switch {
	case known == nil && n < fullGroup/10:
		return nil
	case known != nil:
		weight := min(float64(n)/fullGroup, 1) / 2
		rate = *known + (rate-*known)*weight
	}
	return &rate
}

// BatchStatus is how a batch of items ends of which some were refused, or all of
// them together.
func BatchStatus(refused int, whole *Error) JobStatus {
	switch {
	case whole != nil:
		return Failed
	case refused > 0:
		return PartiallySucceeded
	default:
		return Succeeded
	}
}

// Granted is a coupon as its holder sees it in the answer to a claim.
type Granted struct {
	ID        uuid.UUID  `json:"id"`
	Code      string     `json:"code"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// NewJob is a job about to be accepted.
type NewJob struct {
	ID             uuid.UUID
	Kind           JobKind
	BookID         uuid.UUID  // zero: none
	PoolID         uuid.UUID  // zero: none
	UserID         uuid.UUID  // of a claim
	CouponID       *uuid.UUID // of an assign
	SubmitterID    uuid.UUID
	IdempotencyKey string // empty: none
	Fingerprint    []byte // of the request; compared when the key comes again
	Total          int
	Seq            *int64          // its place in the book's queue; nil: it has none
	Params         json.RawMessage // of a bulk job
	Callback       *Callback       // is told of its end; nil: none
	Audit          *AuditEntry     // what staff does with it; nil: nothing to note
	Trace          string          // the span that accepts it; empty: it is not traced
}

// Callback is a URL that is told of a job's end, signed as its endpoint's
// messages are.
type Callback struct {
	URL        string
	EndpointID uuid.UUID
}

// JobFilter narrows a list of jobs; nil fields do not.
type JobFilter struct {
	VisibleTo *uuid.UUID // jobs he submitted, that are for him, or of his books
	BookID    *uuid.UUID
	PoolID    *uuid.UUID
	Kind      *JobKind
	Status    *JobStatus
	Bulk      bool       // only those that do not wait in a book's queue
	Before    *uuid.UUID // the last id of the page before
}
