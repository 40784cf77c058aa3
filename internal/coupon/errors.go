package coupon

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind says what a caller can do about an error.
type Kind string

// The kinds of errors a caller can meet.
const (
	Malformed       Kind = "malformed"       // not even readable: repair the request
	Invalid         Kind = "invalid"         // readable, but wrong: repair the input
	Unauthenticated Kind = "unauthenticated" // say who you are
	Forbidden       Kind = "forbidden"       // someone else may do this
	NotFound        Kind = "not_found"       // there is no such thing, or it is not yours
	Conflict        Kind = "conflict"        // the present state does not allow it
	Gone            Kind = "gone"            // its time is over
	Stale           Kind = "stale"           // it has changed since you read it
	Limited         Kind = "limited"         // too often: wait
	Unavailable     Kind = "unavailable"     // try again in a moment
	Shedding        Kind = "shedding"        // there is too much to do: try again later
)

// Error is a failure that is safe to show to the caller. Every other error is
// internal: it is logged, and the caller learns only that something broke.
type Error struct {
	Kind    Kind
	Code    string // stable, for machines
	Message string // one sentence, for people: what is wrong and what to do
	Fields  []Field
	// RetryAfter is when it may work; 0: not known.
	RetryAfter time.Duration
}

// Field is one fault of the input.
type Field struct {
	Pointer string `json:"pointer" doc:"JSON pointer (RFC 6901) into the body, or the name of a parameter"`
	Detail  string `json:"detail" doc:"what is wrong with it"`
}

func (e *Error) Error() string { return e.Message }

// Is makes errors of one code equal, whatever their words.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// With returns the error with a sentence made for the case at hand.
func (e *Error) With(format string, args ...any) *Error {
	return &Error{Kind: e.Kind, Code: e.Code, Message: fmt.Sprintf(format, args...)}
}

// After returns the error with the time after which it may work.
func (e *Error) After(pause time.Duration) *Error {
	return (&Error{Kind: e.Kind, Code: e.Code, Message: e.Message}).after(pause)
}

func (e *Error) after(pause time.Duration) *Error {
	e.RetryAfter = pause
	return e
}

var catalogue []*Error

// declare makes an error that clients can meet, and notes it for the catalogue.
func declare(kind Kind, code, message string) *Error {
	e := &Error{Kind: kind, Code: code, Message: message}
	catalogue = append(catalogue, e)
	return e
}

// Catalogue lists the errors of the domain; docs/errors.md is made from it.
func Catalogue() []*Error { return slices.Clone(catalogue) }

// Errors of books and claims.
var (
	ErrBookNotFound   = declare(NotFound, "book_not_found", "There is no such book, or it is not yours: check the id.")
	ErrBookNotActive  = declare(Conflict, "book_not_active", "The book is not active.")
	ErrBookNotStarted = declare(Conflict, "book_not_started", "The book has not started yet.")
	ErrBookEnded      = declare(Gone, "book_ended", "The book has ended: it gives out no more coupons.")
	ErrBookState      = declare(Conflict, "book_state", "The book's state does not allow this.")
	ErrBookChanged    = declare(Stale, "book_changed", "The book has changed since you read it: read it again, and send its ETag as If-Match.")
	ErrSoldOut        = declare(Conflict, "sold_out", "All coupons of the book are taken.")
	ErrLimitReached   = declare(Conflict, "limit_reached", "The user already holds as many coupons of this book as one user may.")
	ErrClaimExpired   = declare(Gone, "expired", "The claim could not be decided within 15 minutes: claim again, with a new Idempotency-Key.")
	ErrOverloaded     = declare(Shedding, "overloaded", "The book's queue is too long just now: repeat the request later, with the same Idempotency-Key if it had one.").after(5 * time.Second)
	ErrJobNotFound    = declare(NotFound, "job_not_found", "There is no such job, or it is not yours: check the id.")
	ErrKeyReused      = declare(Invalid, "idempotency_key_reused", "This Idempotency-Key came with another request before: send the same request, or use a new key.")
	ErrBusy           = declare(Unavailable, "busy", "The service cannot do this right now: repeat the request in a moment, with the same Idempotency-Key if it had one.")
	ErrInternal       = declare(Unavailable, "internal", "Something broke on our side; the request can be repeated with a new Idempotency-Key.")
)

// Errors of jobs that make codes.
var (
	ErrBadFile        = declare(Invalid, "bad_file", "The file cannot be read as a list of codes.")
	ErrDuplicates     = declare(Conflict, "duplicates", "Some codes exist already or come twice, so nothing was added: see the job's outcomes, or upload with on_duplicate=skip.")
	ErrCodesExhausted = declare(Conflict, "codes_exhausted", "Nearly all codes that the pattern can make exist: what was made stays; use a longer pattern for the rest.")
)

// Errors of codes and batches.
var (
	ErrCodeExists     = declare(Conflict, "code_exists", "The code exists already, in this book or another: choose another.")
	ErrBatchNotFound  = declare(NotFound, "batch_not_found", "The book has no such batch: check the id.")
	ErrBatchGrows     = declare(Conflict, "batch_grows", "The batch still gets codes: wait for its job.")
	ErrExportNotFound = declare(NotFound, "export_not_found", "There is no such export: check that the link is whole.")
	ErrExportExpired  = declare(Gone, "export_expired", "The link has ended: export again.")
)

// Errors of pools and distributions.
var (
	ErrPoolNotFound   = declare(NotFound, "pool_not_found", "There is no such pool, or it is not yours: check the id.")
	ErrPoolChanged    = declare(Stale, "pool_changed", "The pool has changed since you read it: read it again, and send its ETag as If-Match.")
	ErrPoolEmpty      = declare(Conflict, "pool_empty", "The pool has no members: add some first.")
	ErrPoolInUse      = declare(Conflict, "pool_in_use", "A job of the pool is under way: wait for it, or cancel it.")
	ErrShortage       = declare(Conflict, "distribution_shortage", "There are too few coupons for the distribution, or too few members who can take one.")
	ErrPlanNotFound   = declare(NotFound, "plan_not_found", "There is no such plan of this pool: check the id, or make one with dry_run.")
	ErrPlanNotReady   = declare(Conflict, "plan_not_ready", "The dry run has not ended with a plan: wait for it, or see its error.")
	ErrPlanUsed       = declare(Conflict, "plan_used", "The plan was started before: see that job, or make a new plan with dry_run.")
	ErrEventsRestored = declare(Gone, "events_restored", "The events were restored from a backup, and the place is one from before: read them anew from the beginning, and drop those whose id you know.")
	ErrPlanExpired    = declare(Gone, "plan_expired", "The plan is too old: make a new one with dry_run.")
	ErrPlanStale      = declare(Conflict, "plan_stale", "The plan does not fit any more: make a new one with dry_run.")
	ErrJobKind        = declare(Conflict, "job_kind", "This is not possible with a job of this kind.")
	ErrJobRetry       = declare(Conflict, "job_retry", "The job cannot be retried.")
	ErrJobDone        = declare(Conflict, "job_done", "The job has ended.")
	ErrJobUnderWay    = declare(Conflict, "job_under_way", "The distribution has not ended: wait for it or cancel it, then recall it.")
	ErrNothingGranted = declare(Conflict, "nothing_granted", "The distribution gave out no coupons: there is nothing to recall.")
)

// Errors of webhooks.
var (
	ErrEndpointNotFound = declare(NotFound, "webhook_not_found", "There is no such endpoint, or it is not yours: check the id.")
	ErrEndpointChanged  = declare(Stale, "webhook_changed", "The endpoint has changed since you read it: read it again, and send its ETag as If-Match.")
	ErrEndpointDisabled = declare(Conflict, "webhook_disabled", "The endpoint is disabled: enable it first.")
	ErrEndpointsMany    = declare(Conflict, "too_many_webhooks", "You have as many endpoints as one may have: delete some first.")
	ErrDeliveryNotFound = declare(NotFound, "delivery_not_found", "There is no such delivery, or it is not yours: check the id.")
	ErrTestsMany        = declare(Limited, "too_many_tests", "The endpoint was tested ten times in a minute: wait a minute.").after(time.Minute)
)

// Errors at the till.
var (
	ErrCouponUnavailable  = declare(NotFound, "coupon_unavailable", "There is no such coupon for you: check the code.")
	ErrCouponNotFound     = declare(NotFound, "coupon_not_found", "There is no coupon with this code or id: check it.")
	ErrCouponNotAssigned  = declare(Conflict, "coupon_not_assigned", "Nobody holds the coupon: claim or assign it first.")
	ErrCouponTaken        = declare(Conflict, "coupon_taken", "Somebody holds the coupon already: choose another, or revoke it first.")
	ErrCouponLocked       = declare(Conflict, "coupon_locked", "The coupon is locked: wait, or send its lock_token.")
	ErrLockRequired       = declare(Conflict, "lock_required", "The coupon is not locked, or the lock has ended: lock it first, then redeem with the lock_token.")
	ErrAlreadyRedeemed    = declare(Conflict, "already_redeemed", "The coupon has been redeemed: it has no use left.")
	ErrCouponVoid         = declare(Gone, "coupon_void", "The coupon was voided: it is worth nothing any more.")
	ErrCouponDisabled     = declare(Conflict, "coupon_disabled", "The coupon is disabled: it can be used when its book's manager has enabled it.")
	ErrCouponNotStarted   = declare(Conflict, "coupon_not_started", "The coupon cannot be used yet.")
	ErrCouponExpired      = declare(Gone, "coupon_expired", "The coupon's time is over.")
	ErrCouponUsed         = declare(Conflict, "coupon_used", "The coupon has been used: it cannot be revoked, only voided.")
	ErrRedemptionLimit    = declare(Conflict, "redemption_limit_reached", "The user has redeemed as many coupons of this book as one user may.")
	ErrRedemptionNotFound = declare(NotFound, "redemption_not_found", "There is no such redemption, or it is not yours: check the id.")
	ErrAlreadyRolledBack  = declare(Conflict, "already_rolled_back", "The redemption has been rolled back already.")
	ErrRollbackWindow     = declare(Conflict, "rollback_window", "The time in which the book allows a rollback is over.")
)

// Errors of users and access.
var (
	ErrUserNotFound     = declare(NotFound, "user_not_found", "There is no such user: check the reference, or set create_missing.")
	ErrEmailTaken       = declare(Conflict, "email_taken", "There is already an account with this e-mail: sign in instead.")
	ErrExternalIDTaken  = declare(Conflict, "external_id_taken", "There is already a user with this external id: use that one.")
	ErrWrongCredentials = declare(Unauthenticated, "wrong_credentials", "E-mail or password is wrong.")
	ErrUnauthenticated  = declare(Unauthenticated, "unauthenticated", "Sign in, or send an access token or API key as Authorization: Bearer.")
	ErrUserErased       = declare(Gone, "user_erased", "The user has been erased: nothing of him can be changed.")
	ErrNoSignIn         = declare(Conflict, "no_sign_in", "The user has no e-mail to sign in with: give him one first.")
	ErrOwnAccount       = declare(Conflict, "own_account", "Nobody changes his own role, disables or erases himself: ask another admin.")
	ErrKeyNetwork       = declare(Forbidden, "key_network", "The API key may not be used from this address: add its network to the key.")
	ErrTooMany          = declare(Limited, "too_many_requests", "Too many requests: wait as long as Retry-After says.")
	ErrTooManySignIns   = declare(Limited, "too_many_sign_ins", "Too many tries to sign in, or new accounts: wait as long as Retry-After says.")
	ErrTooManyCodes     = declare(Limited, "too_many_codes", "Too many codes that are not yours: wait as long as Retry-After says, and check what you type.")
	ErrForbidden        = declare(Forbidden, "forbidden", "Your role does not allow this.")
	ErrScopeMissing     = declare(Forbidden, "scope_missing", "The API key lacks the scope for this.")
	ErrKeyNotFound      = declare(NotFound, "api_key_not_found", "There is no such API key: check the id.")
)

// faults collects what is wrong with an input, so that all of it is told at once.
type faults []Field

func (f *faults) add(pointer, format string, args ...any) {
	*f = append(*f, Field{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

// text checks a text's length in characters. NUL is refused: Postgres cannot
// store it.
func (f *faults) text(pointer, value string, least, most int) {
	if n := utf8.RuneCountInString(value); n < least || n > most {
		f.add(pointer, "must have %d to %d characters", least, most)
	}
	if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		f.add(pointer, "must be text without the character NUL")
	}
}

func (f *faults) err() error {
	if len(*f) == 0 {
		return nil
	}
	return InvalidInput(*f...)
}

var errInvalidInput = declare(Invalid, "invalid_input", "Some of the input is wrong; see errors.")

// InvalidInput is the error for input that can be read but is wrong.
func InvalidInput(fields ...Field) *Error {
	err := *errInvalidInput
	err.Fields = fields
	return &err
}
