package httpapi

import (
	"context"
	"encoding/json"
	"errors"
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
	TimeZone              string            `json:"time_zone" doc:"of dates that come without a time"`
	MaxAssignmentsPerUser *int              `json:"max_assignments_per_user" doc:"null: no limit"`
	RequireLock           bool              `json:"require_lock" doc:"a coupon must be locked before it is redeemed"`
	LockSeconds           int               `json:"lock_seconds" doc:"how long a lock holds, unless the caller asks for another time"`
	MaxRedemptions        int               `json:"max_redemptions" doc:"uses of a coupon; codes take it when they are made"`
	MaxRedemptionsPerUser *int              `json:"max_redemptions_per_user" doc:"null: no limit"`
	RollbackWindowSeconds int               `json:"rollback_window_seconds" doc:"how long a redemption can be rolled back; 0: never"`
	ValidForSeconds       int               `json:"valid_for_seconds" doc:"how long a coupon is good from its assignment; 0: as long as the book"`
	LowStockPercent       int               `json:"low_stock_percent" doc:"event book.low_stock at so many free codes of all; 0: never"`
	EndingSoonSeconds     int               `json:"ending_soon_seconds" doc:"event book.ending_soon so long before the end; 0: never"`
	Metadata              object            `json:"metadata" doc:"yours"`
	Benefit               object            `json:"benefit" nullable:"true" doc:"what a coupon is worth; whoever redeems it gets it back"`
	ArchivedAt            *time.Time        `json:"archived_at" doc:"out of the lists since then"`
	Version               int               `json:"version"`
	CreatedAt             time.Time         `json:"created_at"`
	UpdatedAt             time.Time         `json:"updated_at"`
}

func newBookBody(b coupon.Book) bookBody {
	return bookBody{
		b.ID, b.OwnerID, b.Name, b.Description, b.Status, b.StartsAt, b.EndsAt, b.TimeZone,
		b.MaxAssignmentsPerUser, b.RequireLock, seconds(b.LockFor), b.MaxRedemptions, b.MaxRedemptionsPerUser,
		seconds(b.RollbackWindow), seconds(b.ValidFor), b.LowStockPercent, seconds(b.EndingSoon), object(b.Metadata), object(b.Benefit), b.ArchivedAt,
		b.Version, b.CreatedAt, b.UpdatedAt,
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
		Name string `json:"name" example:"Summer sale"`
		SettingsBody
	}
}

// SettingsBody is what a book's owner decides besides its name. In a PATCH,
// what is left out stays as it is.
type SettingsBody struct {
	Description           *string          `json:"description,omitempty"`
	TimeZone              *string          `json:"time_zone,omitempty" example:"Europe/Madrid" doc:"of dates that come without a time; UTC, if never given"`
	StartsAt              optional[string] `json:"starts_at,omitzero" example:"2026-12-24T18:00:00+01:00" doc:"claims from this instant on, or from the beginning of this day; null: at once"`
	EndsAt                optional[string] `json:"ends_at,omitzero" example:"2026-12-31" doc:"claims before this instant, or until the end of this day; null: no end"`
	MaxAssignmentsPerUser optional[int]    `json:"max_assignments_per_user,omitzero" doc:"coupons one user can get; null: no limit"`
	RequireLock           *bool            `json:"require_lock,omitempty" doc:"redeem only what is locked; true, if never given"`
	LockSeconds           *int             `json:"lock_seconds,omitempty" doc:"1 to 3600; 300, if never given"`
	MaxRedemptions        *int             `json:"max_redemptions,omitempty" doc:"uses of a coupon made from now on; 1, if never given"`
	MaxRedemptionsPerUser optional[int]    `json:"max_redemptions_per_user,omitzero" doc:"uses one user can make; null: no limit"`
	RollbackWindowSeconds *int             `json:"rollback_window_seconds,omitempty" doc:"how long a redemption can be rolled back; 0, never, if never given"`
	ValidForSeconds       *int             `json:"valid_for_seconds,omitempty" doc:"how long a coupon assigned from now on is good; 0, as long as the book, if never given"`
	LowStockPercent       *int             `json:"low_stock_percent,omitempty" doc:"event book.low_stock at so many free codes of all; 0: never; 10, if never given"`
	EndingSoonSeconds     *int             `json:"ending_soon_seconds,omitempty" doc:"event book.ending_soon so long before the end; 0: never; a day, if never given"`
	Metadata              object           `json:"metadata,omitempty" doc:"yours, at most 8 KiB"`
	Benefit               optional[object] `json:"benefit,omitzero" doc:"what a coupon is worth, at most 8 KiB; handed back to whoever redeems it; null: not said"`
}

func (in SettingsBody) apply(s *coupon.BookSettings) error {
	set(in.Description, &s.Description)
	set(in.TimeZone, &s.TimeZone)
	in.MaxAssignmentsPerUser.apply(&s.MaxAssignmentsPerUser)
	set(in.RequireLock, &s.RequireLock)
	setSeconds(in.LockSeconds, &s.LockFor)
	set(in.MaxRedemptions, &s.MaxRedemptions)
	in.MaxRedemptionsPerUser.apply(&s.MaxRedemptionsPerUser)
	setSeconds(in.RollbackWindowSeconds, &s.RollbackWindow)
	setSeconds(in.ValidForSeconds, &s.ValidFor)
	set(in.LowStockPercent, &s.LowStockPercent)
	setSeconds(in.EndingSoonSeconds, &s.EndingSoon)
	if in.Metadata != nil {
		s.Metadata = json.RawMessage(in.Metadata)
	}
	if in.Benefit.given {
		s.Benefit = nil
		if in.Benefit.value != nil {
			s.Benefit = json.RawMessage(*in.Benefit.value)
		}
	}
	return errors.Join(
		setDate(in.StartsAt, &s.StartsAt, "/starts_at", s.TimeZone, coupon.ParseStart),
		setDate(in.EndsAt, &s.EndsAt, "/ends_at", s.TimeZone, coupon.ParseEnd))
}

// setDate puts an instant or a day that was given.
func setDate(given optional[string], at **time.Time, pointer, zone string,
	parse func(pointer, text, zone string) (time.Time, error),
) error {
	if !given.given {
		return nil
	}
	if *at = nil; given.value == nil {
		return nil
	}
	date, err := parse(pointer, *given.value, zone)
	*at = &date
	return err
}

// createBook makes a draft; activate it once it has codes.
func (a *API) createBook(ctx context.Context, in *createBookRequest) (*bookResponse, error) {
	settings := coupon.NewSettings(in.Body.Name)
	if err := in.Body.apply(&settings); err != nil {
		return nil, err
	}
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
		Name *string `json:"name,omitempty"`
		SettingsBody
	}
}

// editBook changes what the body names and leaves the rest.
func (a *API) editBook(ctx context.Context, in *editBookRequest) (*bookResponse, error) {
	return answerBook(a.Service.EditBook(ctx, principalOf(ctx), in.ID, versionOf(in.IfMatch), func(s *coupon.BookSettings) error {
		set(in.Body.Name, &s.Name)
		return in.Body.apply(s)
	}))
}

// archiveBook closes a book and takes it out of the lists. Nothing is deleted.
func (a *API) archiveBook(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Service.ArchiveBook(ctx, principalOf(ctx), in.ID)
}

// moveBook serves activate, pause and close. A repeated request changes nothing.
func moveBook(to coupon.BookStatus) func(*API, context.Context, *ByID) (*bookResponse, error) {
	return func(a *API, ctx context.Context, in *ByID) (*bookResponse, error) {
		return answerBook(a.Service.MoveBook(ctx, principalOf(ctx), in.ID, to))
	}
}

type listBooksRequest struct {
	Paging
	Archived bool `query:"archived" doc:"the archived ones, instead of the others"`
}

type booksResponse struct{ Body page[bookBody] }

// listBooks lists the books that the caller manages, newest first.
func (a *API) listBooks(ctx context.Context, in *listBooksRequest) (*booksResponse, error) {
	var after idCursor
	if err := a.Cursors.read("books", in.Cursor, &after); err != nil {
		return nil, err
	}
	books, err := a.Service.Books(ctx, principalOf(ctx), coupon.BookFilter{Archived: in.Archived, Before: after.Before}, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "books", books, in.Limit, newBookBody, func(b coupon.Book) any { return idCursor{&b.ID} })
	return &booksResponse{body}, err
}
