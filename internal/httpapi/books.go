package httpapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

type bookBody struct {
	ID                    uuid.UUID         `json:"id"`
	OwnerID               uuid.UUID         `json:"owner_id"`
	Name                  string            `json:"name"`
	Description           string            `json:"description"`
	Status                coupon.BookStatus `json:"status" enum:"draft,active,paused,closed"`
	StartsAt              *time.Time        `json:"starts_at" doc:"claims from this instant on"`
	EndsAt                *time.Time        `json:"ends_at" doc:"claims before this instant"`
	MaxAssignmentsPerUser *int              `json:"max_assignments_per_user" doc:"null: no limit"`
	RequireLock           bool              `json:"require_lock" doc:"a coupon must be locked before it is redeemed"`
	LockSeconds           int               `json:"lock_seconds" doc:"how long a lock holds, unless the caller asks for another time"`
	MaxRedemptions        int               `json:"max_redemptions" doc:"uses of a coupon; codes take it when they are made"`
	MaxRedemptionsPerUser *int              `json:"max_redemptions_per_user" doc:"null: no limit"`
	RollbackWindowSeconds int               `json:"rollback_window_seconds" doc:"how long a redemption can be rolled back; 0: never"`
	Version               int               `json:"version"`
	CreatedAt             time.Time         `json:"created_at"`
	UpdatedAt             time.Time         `json:"updated_at"`
}

func newBookBody(b coupon.Book) bookBody {
	return bookBody{
		b.ID, b.OwnerID, b.Name, b.Description, b.Status, b.StartsAt, b.EndsAt,
		b.MaxAssignmentsPerUser, b.RequireLock, seconds(b.LockFor), b.MaxRedemptions, b.MaxRedemptionsPerUser,
		seconds(b.RollbackWindow), b.Version, b.CreatedAt, b.UpdatedAt,
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// setSeconds puts what was given; a number too large for a Duration stays too large.
func setSeconds(given *int, d *time.Duration) {
	if given != nil {
		*d = time.Duration(min(*given, 1<<32)) * time.Second
	}
}

// set puts what was given.
func set[T any](given *T, value *T) {
	if given != nil {
		*value = *given
	}
}

type bookResponse struct {
	ETag string `header:"ETag" doc:"the book's version; send it as If-Match to change that very one"`
	Body bookBody
}

func etag(version int) string { return strconv.Quote(strconv.Itoa(version)) }

// versionOf reads an If-Match; nil: any version will do. What is no ETag of
// ours matches none.
func versionOf(match string) *int {
	if match == "" || match == "*" {
		return nil
	}
	version, err := strconv.Atoi(strings.Trim(match, `"`))
	if err != nil || etag(version) != match {
		return new(-1)
	}
	return &version
}

func answerBook(b coupon.Book, err error) (*bookResponse, error) {
	if err != nil {
		return nil, err
	}
	return &bookResponse{etag(b.Version), newBookBody(b)}, nil
}

type createBookRequest struct {
	Body struct {
		Name                  string     `json:"name" example:"Summer sale"`
		Description           string     `json:"description,omitempty"`
		StartsAt              *time.Time `json:"starts_at,omitempty" doc:"claims from this instant on; at once, if left out"`
		EndsAt                *time.Time `json:"ends_at,omitempty" doc:"claims before this instant; no end, if left out"`
		MaxAssignmentsPerUser *int       `json:"max_assignments_per_user,omitempty" doc:"coupons one user can get; no limit, if left out"`
		MaxRedemptionsPerUser *int       `json:"max_redemptions_per_user,omitempty" doc:"uses one user can make; no limit, if left out"`
		TillRulesBody
	}
}

// TillRulesBody says how a book's coupons are used.
type TillRulesBody struct {
	RequireLock           *bool `json:"require_lock,omitempty" doc:"redeem only what is locked; true, if left out"`
	LockSeconds           *int  `json:"lock_seconds,omitempty" doc:"1 to 3600; 300, if left out"`
	MaxRedemptions        *int  `json:"max_redemptions,omitempty" doc:"uses of a coupon made from now on; 1, if left out"`
	RollbackWindowSeconds *int  `json:"rollback_window_seconds,omitempty" doc:"how long a redemption can be rolled back; 0, never, if left out"`
}

func (in TillRulesBody) apply(r *coupon.TillRules) {
	set(in.RequireLock, &r.RequireLock)
	setSeconds(in.LockSeconds, &r.LockFor)
	set(in.MaxRedemptions, &r.MaxRedemptions)
	setSeconds(in.RollbackWindowSeconds, &r.RollbackWindow)
}

// createBook makes a draft; activate it once it has codes.
func (a *API) createBook(ctx context.Context, in *createBookRequest) (*bookResponse, error) {
	settings := coupon.NewSettings(in.Body.Name)
	settings.Description, settings.StartsAt, settings.EndsAt = in.Body.Description, in.Body.StartsAt, in.Body.EndsAt
	settings.MaxAssignmentsPerUser, settings.MaxRedemptionsPerUser = in.Body.MaxAssignmentsPerUser, in.Body.MaxRedemptionsPerUser
	in.Body.apply(&settings.TillRules)
	return answerBook(a.Service.CreateBook(ctx, principalOf(ctx), settings))
}

// getBook reads a book.
func (a *API) getBook(ctx context.Context, in *ByID) (*bookResponse, error) {
	return answerBook(a.Service.Book(ctx, principalOf(ctx), in.ID))
}

type editBookRequest struct {
	ByID
	IfMatch string `header:"If-Match" doc:"the ETag of the book you read: 412 if it has changed since"`
	Body    struct {
		Name                  *string             `json:"name,omitempty"`
		Description           *string             `json:"description,omitempty"`
		StartsAt              optional[time.Time] `json:"starts_at,omitzero" doc:"null: at once"`
		EndsAt                optional[time.Time] `json:"ends_at,omitzero" doc:"null: no end"`
		MaxAssignmentsPerUser optional[int]       `json:"max_assignments_per_user,omitzero" doc:"null: no limit"`
		MaxRedemptionsPerUser optional[int]       `json:"max_redemptions_per_user,omitzero" doc:"null: no limit"`
		TillRulesBody
	}
}

// editBook changes what the body names and leaves the rest.
func (a *API) editBook(ctx context.Context, in *editBookRequest) (*bookResponse, error) {
	return answerBook(a.Service.EditBook(ctx, principalOf(ctx), in.ID, versionOf(in.IfMatch), func(s *coupon.BookSettings) {
		set(in.Body.Name, &s.Name)
		set(in.Body.Description, &s.Description)
		in.Body.StartsAt.apply(&s.StartsAt)
		in.Body.EndsAt.apply(&s.EndsAt)
		in.Body.MaxAssignmentsPerUser.apply(&s.MaxAssignmentsPerUser)
		in.Body.MaxRedemptionsPerUser.apply(&s.MaxRedemptionsPerUser)
		in.Body.apply(&s.TillRules)
	}))
}

// moveBook serves activate, pause and close. A repeated request changes nothing.
func (a *API) moveBook(to coupon.BookStatus) func(context.Context, *ByID) (*bookResponse, error) {
	return func(ctx context.Context, in *ByID) (*bookResponse, error) {
		return answerBook(a.Service.MoveBook(ctx, principalOf(ctx), in.ID, to))
	}
}

type listBooksRequest struct{ Paging }

type booksResponse struct{ Body page[bookBody] }

// listBooks lists the books that the caller manages, newest first.
func (a *API) listBooks(ctx context.Context, in *listBooksRequest) (*booksResponse, error) {
	var after idCursor
	if err := a.Cursors.read("books", in.Cursor, &after); err != nil {
		return nil, err
	}
	books, err := a.Service.Books(ctx, principalOf(ctx), after.Before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "books", books, in.Limit, newBookBody, func(b coupon.Book) any { return idCursor{&b.ID} })
	return &booksResponse{body}, err
}

type statsBody struct {
	Total    int64 `json:"total" doc:"coupons ever made"`
	Free     int64 `json:"free" doc:"nobody has them yet"`
	Reserved int64 `json:"reserved" doc:"of the free ones, promised to a distribution"`
	Assigned int64 `json:"assigned" doc:"given out"`
	Refused  int64 `json:"refused" doc:"claims that ended without a coupon"`
	Queued   int64 `json:"queued" doc:"claims that wait"`
}

type statsResponse struct{ Body statsBody }

// bookStats counts at one instant.
func (a *API) bookStats(ctx context.Context, in *ByID) (*statsResponse, error) {
	stats, err := a.Service.BookStats(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &statsResponse{statsBody(stats)}, nil
}
