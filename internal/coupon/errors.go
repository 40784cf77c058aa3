package coupon

import (
	"fmt"
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
	Unavailable     Kind = "unavailable"     // try again in a moment
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

// with returns the error with a sentence made for the case at hand.
func (e *Error) with(format string, args ...any) *Error {
	return &Error{Kind: e.Kind, Code: e.Code, Message: fmt.Sprintf(format, args...)}
}

// Errors of books and claims.
var (
	ErrBookNotFound   = &Error{Kind: NotFound, Code: "book_not_found", Message: "There is no such book, or it is not yours: check the id."}
	ErrBookNotActive  = &Error{Kind: Conflict, Code: "book_not_active", Message: "The book is not active."}
	ErrBookNotStarted = &Error{Kind: Conflict, Code: "book_not_started", Message: "The book has not started yet."}
	ErrBookEnded      = &Error{Kind: Gone, Code: "book_ended", Message: "The book has ended: it gives out no more coupons."}
	ErrBookState      = &Error{Kind: Conflict, Code: "book_state", Message: "The book's state does not allow this."}
	ErrSoldOut        = &Error{Kind: Conflict, Code: "sold_out", Message: "All coupons of the book are taken."}
	ErrLimitReached   = &Error{Kind: Conflict, Code: "limit_reached", Message: "The user already holds as many coupons of this book as one user may."}
	ErrJobNotFound    = &Error{Kind: NotFound, Code: "job_not_found", Message: "There is no such job, or it is not yours: check the id."}
	ErrKeyReused      = &Error{Kind: Invalid, Code: "idempotency_key_reused", Message: "This Idempotency-Key came with another request before: send the same request, or use a new key."}
	ErrBusy           = &Error{Kind: Unavailable, Code: "busy", Message: "The service cannot do this right now: repeat the request in a moment, with the same Idempotency-Key if it had one."}
	ErrInternal       = &Error{Kind: Unavailable, Code: "internal", Message: "Something broke on our side; the request can be repeated with a new Idempotency-Key."}
)

// Errors at the till.
var (
	ErrCouponUnavailable  = &Error{Kind: NotFound, Code: "coupon_unavailable", Message: "There is no such coupon for you: check the code."}
	ErrCouponNotFound     = &Error{Kind: NotFound, Code: "coupon_not_found", Message: "There is no coupon with this code or id: check it."}
	ErrCouponNotAssigned  = &Error{Kind: Conflict, Code: "coupon_not_assigned", Message: "Nobody holds the coupon: claim or assign it first."}
	ErrCouponLocked       = &Error{Kind: Conflict, Code: "coupon_locked", Message: "The coupon is locked: wait, or send its lock_token."}
	ErrLockRequired       = &Error{Kind: Conflict, Code: "lock_required", Message: "The coupon is not locked, or the lock has ended: lock it first, then redeem with the lock_token."}
	ErrAlreadyRedeemed    = &Error{Kind: Conflict, Code: "already_redeemed", Message: "The coupon has been redeemed: it has no use left."}
	ErrCouponVoid         = &Error{Kind: Gone, Code: "coupon_void", Message: "The coupon was voided: it is worth nothing any more."}
	ErrCouponExpired      = &Error{Kind: Gone, Code: "coupon_expired", Message: "The coupon's time is over."}
	ErrCouponUsed         = &Error{Kind: Conflict, Code: "coupon_used", Message: "The coupon has been used: it cannot be revoked, only voided."}
	ErrRedemptionLimit    = &Error{Kind: Conflict, Code: "redemption_limit_reached", Message: "The user has redeemed as many coupons of this book as one user may."}
	ErrRedemptionNotFound = &Error{Kind: NotFound, Code: "redemption_not_found", Message: "There is no such redemption, or it is not yours: check the id."}
	ErrAlreadyRolledBack  = &Error{Kind: Conflict, Code: "already_rolled_back", Message: "The redemption has been rolled back already."}
	ErrRollbackWindow     = &Error{Kind: Conflict, Code: "rollback_window", Message: "The time in which the book allows a rollback is over."}
)

// Errors of users and access.
var (
	ErrUserNotFound     = &Error{Kind: NotFound, Code: "user_not_found", Message: "There is no such user: check the reference, or set create_missing."}
	ErrEmailTaken       = &Error{Kind: Conflict, Code: "email_taken", Message: "There is already an account with this e-mail: sign in instead."}
	ErrWrongCredentials = &Error{Kind: Unauthenticated, Code: "wrong_credentials", Message: "E-mail or password is wrong."}
	ErrUnauthenticated  = &Error{Kind: Unauthenticated, Code: "unauthenticated", Message: "Sign in, or send an access token or API key as Authorization: Bearer."}
	ErrForbidden        = &Error{Kind: Forbidden, Code: "forbidden", Message: "Your role does not allow this."}
	ErrScopeMissing     = &Error{Kind: Forbidden, Code: "scope_missing", Message: "The API key lacks the scope for this."}
	ErrKeyNotFound      = &Error{Kind: NotFound, Code: "api_key_not_found", Message: "There is no such API key: check the id."}
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

// InvalidInput is the error for input that can be read but is wrong.
func InvalidInput(fields ...Field) *Error {
	return &Error{Kind: Invalid, Code: "invalid_input", Message: "Some of the input is wrong; see errors.", Fields: fields}
}
