package coupon

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// EventType names what happened: resource, dot, verb in the past tense.
type EventType string

// Resource is what an event is about.
func (t EventType) Resource() string { return strings.Split(string(t), ".")[0] }

// The events there are; eventTypes tells what each means.
const (
	CouponAssigned     EventType = "coupon.assigned"
	CouponLocked       EventType = "coupon.locked"
	CouponLockExtended EventType = "coupon.lock_extended"
	CouponLockExpired  EventType = "coupon.lock_expired"
	CouponUnlocked     EventType = "coupon.unlocked"
	CouponRedeemed     EventType = "coupon.redeemed"
	CouponRolledBack   EventType = "coupon.rolled_back"
	CouponRevoked      EventType = "coupon.revoked"
	CouponExpired      EventType = "coupon.expired"
	CouponVoided       EventType = "coupon.voided"
	CouponDisabled     EventType = "coupon.disabled"
	CouponEnabled      EventType = "coupon.enabled"

	CodesAdded     EventType = "book.codes_added"
	CodesExported  EventType = "book.codes_exported"
	BookActivated  EventType = "book.activated"
	BookPaused     EventType = "book.paused"
	BookClosed     EventType = "book.closed"
	BookArchived   EventType = "book.archived"
	BookLowStock   EventType = "book.low_stock"
	BookEndingSoon EventType = "book.ending_soon"

	JobSucceeded EventType = "job.succeeded"
	JobPartly    EventType = "job.partially_succeeded"
	JobFailed    EventType = "job.failed"
	JobCanceled  EventType = "job.canceled"
	JobRetried   EventType = "job.retried"

	DistributionStarted   EventType = "distribution.started"
	DistributionProgress  EventType = "distribution.progress"
	DistributionPaused    EventType = "distribution.paused"
	DistributionResumed   EventType = "distribution.resumed"
	DistributionCompleted EventType = "distribution.completed"
	DistributionCanceled  EventType = "distribution.canceled"
	DistributionRecalled  EventType = "distribution.recalled"

	APIKeyCreated EventType = "security.api_key_created"
	APIKeyRotated EventType = "security.api_key_rotated"
	APIKeyRevoked EventType = "security.api_key_revoked"

	RefreshTokenReused EventType = "security.refresh_token_reused"
	CodeGuessing       EventType = "security.code_guessing"

	EndpointFailing       EventType = "webhook_endpoint.failing"
	EndpointWasDisabled   EventType = "webhook_endpoint.disabled"
	EndpointWasEnabled    EventType = "webhook_endpoint.enabled"
	EndpointSecretRotated EventType = "webhook_endpoint.secret_rotated"
	WebhookTest           EventType = "webhook.test"
)

// StateAfter is where an event leaves a coupon. Those that are not here leave
// it where their data says: it may be where it was.
var StateAfter = map[EventType]State{
	CouponAssigned:     Assigned,
	CouponLocked:       Locked,
	CouponLockExtended: Locked,
	CouponLockExpired:  Assigned,
	CouponUnlocked:     Assigned,
	CouponRevoked:      Unassigned,
	CouponExpired:      Expired,
	CouponVoided:       Void,
}

// BookMoved is the event of a book that comes to a status; drafts tell nothing.
var BookMoved = map[BookStatus]EventType{
	Active: BookActivated,
	Paused: BookPaused,
	Closed: BookClosed,
}

// JobEnded is the event of a job that comes to its end.
var JobEnded = map[JobStatus]EventType{
	Succeeded:          JobSucceeded,
	PartiallySucceeded: JobPartly,
	Failed:             JobFailed,
	Canceled:           JobCanceled,
}

// TimelineEvent is one event of a coupon.
type TimelineEvent struct {
	Seq       int
	Type      EventType
	UserID    *uuid.UUID // who held the coupon
	ActorID   *uuid.UUID // who did it; nil: the clock
	Data      json.RawMessage
	CreatedAt time.Time
}
