package coupon

import (
	"time"

	"github.com/google/uuid"
)

// EventContext says what an event belongs to and who caused it.
type EventContext struct {
	BookID  *uuid.UUID `json:"book_id,omitempty" format:"uuid"`
	JobID   *uuid.UUID `json:"job_id,omitempty" format:"uuid" doc:"the job that did it"`
	ActorID *uuid.UUID `json:"actor_id,omitempty" format:"uuid" doc:"who did it; left out: the clock"`
}

// CouponsData is what the events of coupons tell. What one job, or the clock,
// did to many coupons at once travels together.
type CouponsData struct {
	EventContext
	Coupons []ToldCoupon `json:"coupons" minItems:"1" maxItems:"500"`
}

// ToldCoupon is what happened to one coupon.
type ToldCoupon struct {
	ID           uuid.UUID  `json:"id" format:"uuid"`
	Code         string     `json:"code" doc:"masked, unless the endpoint asked for codes"`
	Sequence     int        `json:"sequence" minimum:"1" doc:"1, 2, 3, … of the coupon's events, without a gap"`
	User         *ToldUser  `json:"user,omitempty" doc:"who holds or held it"`
	From         State      `json:"from" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID"`
	To           State      `json:"to" enum:"UNASSIGNED,ASSIGNED,LOCKED,REDEEMED,EXPIRED,VOID"`
	Reason       string     `json:"reason,omitempty" doc:"in the words of who did it"`
	RedemptionID *uuid.UUID `json:"redemption_id,omitempty" format:"uuid" doc:"of a use, or of the one given back"`
}

// ToldUser names a user to who is told of him.
type ToldUser struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	ExternalID *string   `json:"external_id,omitempty" doc:"what your own system calls him"`
	Email      *string   `json:"email,omitempty" doc:"only for endpoints that asked for codes"`
}

// JobData is what the events of jobs tell.
type JobData struct {
	Job ToldJob `json:"job"`
}

// ToldJob is a job at its end, or as it is retried.
type ToldJob struct {
	ID          uuid.UUID   `json:"id" format:"uuid"`
	Kind        JobKind     `json:"kind"`
	Status      JobStatus   `json:"status" enum:"succeeded,partially_succeeded,failed,canceled,queued" doc:"queued: it is retried"`
	BookID      *uuid.UUID  `json:"book_id,omitempty" format:"uuid"`
	PoolID      *uuid.UUID  `json:"pool_id,omitempty" format:"uuid"`
	User        *ToldUser   `json:"user,omitempty" doc:"whom a claim was for"`
	SubmittedBy uuid.UUID   `json:"submitted_by" format:"uuid"`
	Total       int         `json:"total"`
	Succeeded   int         `json:"succeeded"`
	Failed      int         `json:"failed"`
	Skipped     int         `json:"skipped"`
	Coupons     []ToldGrant `json:"coupons,omitempty" doc:"what a claim was granted"`
	ErrorCode   *string     `json:"error_code,omitempty" doc:"why it failed, as in docs/errors.md"`
	ErrorDetail *string     `json:"error_detail,omitempty"`
	CreatedAt   time.Time   `json:"created_at"`
	FinishedAt  *time.Time  `json:"finished_at,omitempty" doc:"left out while it is retried"`
}

// ToldGrant is a coupon that a claim was granted.
type ToldGrant struct {
	ID   uuid.UUID `json:"id" format:"uuid"`
	Code string    `json:"code" doc:"masked, unless the endpoint asked for codes"`
}

// BookData is what the events of books tell.
type BookData struct{ EventContext }

// CodesAddedData is what book.codes_added tells.
type CodesAddedData struct {
	EventContext
	BatchID uuid.UUID `json:"batch_id" format:"uuid"`
	Count   int       `json:"count"`
}

// CodesExportedData is what book.codes_exported tells.
type CodesExportedData struct {
	EventContext
	Count   int        `json:"count"`
	State   *State     `json:"state,omitempty" doc:"only those in it"`
	BatchID *uuid.UUID `json:"batch_id,omitempty" format:"uuid" doc:"only those of it"`
}

// LowStockData is what book.low_stock tells.
type LowStockData struct {
	EventContext
	Free  int `json:"free"`
	Total int `json:"total"`
}

// EndingSoonData is what book.ending_soon tells.
type EndingSoonData struct {
	EventContext
	EndsAt time.Time `json:"ends_at"`
}

// DistributionData is what the events of distributions tell.
type DistributionData struct {
	EventContext
	PoolID    *uuid.UUID `json:"pool_id" format:"uuid"`
	Total     int        `json:"total" doc:"recipients"`
	Processed int        `json:"processed"`
	Succeeded int        `json:"succeeded"`
	Skipped   int        `json:"skipped"`
	Failed    int        `json:"failed"`
	Coupons   int        `json:"coupons,omitempty" doc:"given out so far; at the start, planned"`
}

// RecalledData is what distribution.recalled tells.
type RecalledData struct {
	EventContext
	DistributionID uuid.UUID      `json:"distribution_id" format:"uuid" doc:"the job that gave the coupons out"`
	Recalled       int            `json:"recalled" doc:"coupons that went back into the stock"`
	Left           int            `json:"left" doc:"coupons that are used, locked or over"`
	Reasons        map[string]int `json:"reasons" doc:"how many are left for each"`
}

// APIKeyData is what the events of API keys tell.
type APIKeyData struct {
	EventContext
	APIKeyID uuid.UUID `json:"api_key_id" format:"uuid"`
	OwnerID  uuid.UUID `json:"owner_id" format:"uuid" doc:"whom the key acts for"`
	Name     string    `json:"name"`
	Scopes   []string  `json:"scopes"`
}

// SecurityData is what events about somebody's behaviour tell.
type SecurityData struct {
	EventContext
	UserID    uuid.UUID  `json:"user_id" format:"uuid" doc:"whose account or key it was done with"`
	SessionID *uuid.UUID `json:"session_id,omitempty" format:"uuid"`
	Address   string     `json:"address,omitempty" doc:"where it came from"`
}

// EndpointData is what the events of endpoints tell.
type EndpointData struct {
	EventContext
	EndpointID     uuid.UUID      `json:"endpoint_id" format:"uuid"`
	Reason         DisabledReason `json:"reason,omitempty" enum:"by_hand,gone,asked,failing" doc:"why it was disabled"`
	Percent        int            `json:"percent,omitempty" doc:"how far it is on its way to being disabled"`
	Failures       int            `json:"failures,omitempty" doc:"attempts that failed since the last success"`
	FailingSince   *time.Time     `json:"failing_since,omitempty"`
	OldSecretUntil *time.Time     `json:"old_secret_until,omitempty" doc:"the old secret signs too until then"`
}
