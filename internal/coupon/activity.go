package coupon

import (
	"time"

	"github.com/google/uuid"
)

// Activity is what happened within an hour, in one book or in many. It is
// counted some seconds after it happened.
type Activity struct {
	Hour       time.Time // when it begins
	Granted    int64     // coupons
	Refused    int64     // claims
	Redeemed   int64     // uses, also those rolled back later
	RolledBack int64     // uses
}

// MaxActivitySpan is how much activity is told at a time.
const MaxActivitySpan = 31 * 24 * time.Hour

// ActivityFilter tells whose activity is asked for, and when; nil: of all.
type ActivityFilter struct {
	BookID   *uuid.UUID
	OwnerID  *uuid.UUID
	From, To time.Time // From is in, To is not
}

// Validate refuses spans that are empty or longer than MaxActivitySpan.
func (f ActivityFilter) Validate() error {
	switch span := f.To.Sub(f.From); {
	case span <= 0:
		return InvalidInput(Field{Pointer: "to", Detail: "must be after from"})
	case span > MaxActivitySpan:
		return InvalidInput(Field{Pointer: "from", Detail: "must be at most 31 days before to: ask for the rest in another call"})
	}
	return nil
}
