package coupon

import "github.com/google/uuid"

// OutcomeStatus is what became of an item of a bulk job.
type OutcomeStatus string

// What can become of one.
const (
	OutcomeRefused OutcomeStatus = "refused" // a row of a file
	OutcomePlanned OutcomeStatus = "planned" // a recipient, by a dry run
	OutcomeGranted OutcomeStatus = "granted" // a recipient got coupons
	OutcomeSkipped OutcomeStatus = "skipped" // he gets none, by the plan or because of what has come up on his side
	OutcomeFailed  OutcomeStatus = "failed"  // he was to get some and did not
	OutcomeLeft    OutcomeStatus = "left"    // a coupon that a job leaves as it is
)

// OutcomeReason says why an item did not get what was asked for.
type OutcomeReason string

// The reasons of rows of a file.
const (
	RowMissingCode        OutcomeReason = "missing_code"
	RowMalformed          OutcomeReason = "malformed"
	RowTooLong            OutcomeReason = "too_long"
	RowMissingUser        OutcomeReason = "missing_user"
	RowBadUser            OutcomeReason = "bad_user"
	RowBadName            OutcomeReason = "bad_name"
	RowBadLimit           OutcomeReason = "bad_limit"
	RowBadDate            OutcomeReason = "bad_date"
	RowBadMetadata        OutcomeReason = "bad_metadata"
	RowDuplicateInFile    OutcomeReason = "duplicate_in_file"
	RowDuplicateInBook    OutcomeReason = "duplicate_in_book"
	RowDuplicateElsewhere OutcomeReason = "duplicate_elsewhere"
	RowUnknownUser        OutcomeReason = "unknown_user"
	RowLimitReached       OutcomeReason = "limit_reached"
)

// The reasons of recipients of a distribution.
const (
	UserDisabled  OutcomeReason = "user_disabled"
	NotDrawn      OutcomeReason = "not_drawn"      // there were fewer coupons than recipients
	NoCouponLeft  OutcomeReason = "no_coupon_left" // codes were voided, disabled or expired meanwhile
	CanceledFirst OutcomeReason = "canceled"
	BookNotActive OutcomeReason = "book_not_active"
	BookEnded     OutcomeReason = "book_ended"
)

// The reasons for which a job that takes coupons back, or kills them, leaves one.
const (
	LeftRedeemed   OutcomeReason = "already_redeemed"
	LeftUsed       OutcomeReason = "coupon_used"
	LeftLocked     OutcomeReason = "coupon_locked"
	LeftExpired    OutcomeReason = "coupon_expired"
	LeftVoid       OutcomeReason = "coupon_void"
	LeftRolledBack OutcomeReason = "rolled_back"
)

// reasonWords say a reason in a sentence's worth, where the reason is all.
var reasonWords = map[OutcomeReason]string{
	UserDisabled:    "the account is disabled",
	RowLimitReached: "has as many coupons of the book as one user may",
	NotDrawn:        "there were fewer coupons than recipients, and the draw went to others",
	NoCouponLeft:    "coupons were voided, disabled or expired meanwhile",
	CanceledFirst:   "the distribution was canceled before his turn",
	BookNotActive:   "the book was closed before his turn",
	BookEnded:       "the book ended before his turn",
	LeftRedeemed:    "has been redeemed",
	LeftUsed:        "has been used",
	LeftLocked:      "is locked: recall again once it is not",
	LeftExpired:     "has expired",
	LeftVoid:        "is void",
}

// Words is the reason for people; empty for one that says more by itself.
func (r OutcomeReason) Words() string { return reasonWords[r] }

// Outcome is what a bulk job has to tell about one item.
type Outcome struct {
	N       int     // the item's number, from 1
	ItemID  *string // what the batch calls it
	Line    *int    // of the file
	Status  OutcomeStatus
	Code    *string    // cut to what can be shown
	UserID  *uuid.UUID // the recipient
	User    *string    // his e-mail or external id; what a file calls him
	Planned *int       // coupons that he was to get
	Coupons []Granted  // that he got
	Reason  *OutcomeReason
	Detail  *string
}

// OutcomeFilter narrows a list of outcomes; nil fields do not.
type OutcomeFilter struct {
	Status *OutcomeStatus
	After  int // the last number of the page before
}
