package coupon

import (
	"time"

	"github.com/google/uuid"
)

// DeliveryStatus is how far a delivery is.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending   DeliveryStatus = "pending"   // it is sent when its time has come
	DeliverySucceeded DeliveryStatus = "succeeded" // the endpoint answered 2xx
	DeliveryFailed    DeliveryStatus = "failed"    // no try is left, or the endpoint wants none
	DeliveryCanceled  DeliveryStatus = "canceled"  // its endpoint was disabled or deleted
)

// Delivery is an event, or several of one transaction, for one endpoint.
type Delivery struct {
	ID            int64
	EndpointID    uuid.UUID
	EventID       int64 // the first
	Events        int   // how many
	Type          EventType
	CallbackURL   *string // nil: to the endpoint's own
	Status        DeliveryStatus
	Attempts      int // all there were
	Tries         int // those since it was last begun anew
	NextAttemptAt time.Time
	EventAt       time.Time
	CreatedAt     time.Time
	EndedAt       *time.Time
}

// Verdict is what an attempt means.
type Verdict int

// The verdicts on an attempt.
const (
	Delivered Verdict = iota
	Retry             // it failed: again later
	GiveUp            // the endpoint wants no more of this delivery
	Disable           // the endpoint wants nothing any more
)

// String is the verdict in a word.
func (v Verdict) String() string {
	return [...]string{Delivered: "delivered", Retry: "retry", GiveUp: "give_up", Disable: "disable"}[v]
}

// Attempt is one try to deliver, and what came of it.
type Attempt struct {
	N               int // 1, 2, 3, … of the delivery
	URL             string
	RequestHeaders  map[string]string
	StartedAt       time.Time
	Took            time.Duration
	StatusCode      *int    // nil: no answer
	Error           *string // why it failed, in a word
	Detail          *string // and in a sentence
	ResponseHeaders map[string]string
	ResponseBody    []byte // how it begins

	Verdict    Verdict
	Unsent     bool          // nothing was sent, for a reason that is not the endpoint's
	Down       bool          // the endpoint itself is in trouble: no connection, no answer in time, 5xx
	RetryAfter time.Duration // what it asks for, at most a day; 0: nothing
	Disabled   DisabledReason
}

// retries is the schedule of a delivery: how long after a failed try the next one is.
var retries = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// MaxTries is how often a delivery is tried until it is given up.
var MaxTries = len(retries) + 1

const jitter = 0.2 // of a pause, more or less

// After is the delivery after a try at now. chance, from 0 to 1, spreads the
// tries of many deliveries.
func (d Delivery) After(a Attempt, now time.Time, chance float64) Delivery {
	d.Attempts++
	d.Tries++
	switch {
	case a.Verdict == Delivered:
		d.Status, d.EndedAt = DeliverySucceeded, &now
	case a.Verdict != Retry || d.Tries >= MaxTries:
		d.Status, d.EndedAt = DeliveryFailed, &now
	default:
		pause := time.Duration(float64(retries[d.Tries-1]) * (1 - jitter + 2*jitter*chance))
		d.NextAttemptAt = now.Add(max(pause, a.RetryAfter))
	}
	return d
}
