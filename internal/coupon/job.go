package coupon

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// JobKind is what a job does.
type JobKind string

// The kinds of jobs.
const (
	ClaimJob    JobKind = "claim"          // coupons for one user, drawn at random
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
	Position    *int64          // of a waiting claim: 1 is next
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
	Params         json.RawMessage // of a bulk job
	Callback       *Callback       // is told of its end; nil: none
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
	Before    *uuid.UUID // the last id of the page before
}
