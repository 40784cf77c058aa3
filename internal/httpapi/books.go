package httpapi

import (
	"context"
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
	Version               int               `json:"version"`
	CreatedAt             time.Time         `json:"created_at"`
	UpdatedAt             time.Time         `json:"updated_at"`
}

func newBookBody(b coupon.Book) bookBody {
	return bookBody{
		b.ID, b.OwnerID, b.Name, b.Description, b.Status, b.StartsAt, b.EndsAt,
		b.MaxAssignmentsPerUser, b.Version, b.CreatedAt, b.UpdatedAt,
	}
}

type bookResponse struct{ Body bookBody }

func answerBook(b coupon.Book, err error) (*bookResponse, error) {
	if err != nil {
		return nil, err
	}
	return &bookResponse{newBookBody(b)}, nil
}

type createBookRequest struct {
	Body struct {
		Name                  string     `json:"name" example:"Summer sale"`
		Description           string     `json:"description,omitempty"`
		StartsAt              *time.Time `json:"starts_at,omitempty" doc:"claims from this instant on; at once, if left out"`
		EndsAt                *time.Time `json:"ends_at,omitempty" doc:"claims before this instant; no end, if left out"`
		MaxAssignmentsPerUser *int       `json:"max_assignments_per_user,omitempty" doc:"coupons one user can get; no limit, if left out"`
	}
}

// createBook makes a draft; activate it once it has codes.
func (a *API) createBook(ctx context.Context, in *createBookRequest) (*bookResponse, error) {
	return answerBook(a.Service.CreateBook(ctx, principalOf(ctx), coupon.BookSettings(in.Body)))
}

// getBook reads a book.
func (a *API) getBook(ctx context.Context, in *ByID) (*bookResponse, error) {
	return answerBook(a.Service.Book(ctx, principalOf(ctx), in.ID))
}

type editBookRequest struct {
	ByID
	Body struct {
		Name                  *string             `json:"name,omitempty"`
		Description           *string             `json:"description,omitempty"`
		StartsAt              optional[time.Time] `json:"starts_at,omitzero" doc:"null: at once"`
		EndsAt                optional[time.Time] `json:"ends_at,omitzero" doc:"null: no end"`
		MaxAssignmentsPerUser optional[int]       `json:"max_assignments_per_user,omitzero" doc:"null: no limit"`
	}
}

// editBook changes what the body names and leaves the rest.
func (a *API) editBook(ctx context.Context, in *editBookRequest) (*bookResponse, error) {
	return answerBook(a.Service.EditBook(ctx, principalOf(ctx), in.ID, func(s *coupon.BookSettings) {
		if in.Body.Name != nil {
			s.Name = *in.Body.Name
		}
		if in.Body.Description != nil {
			s.Description = *in.Body.Description
		}
		in.Body.StartsAt.apply(&s.StartsAt)
		in.Body.EndsAt.apply(&s.EndsAt)
		in.Body.MaxAssignmentsPerUser.apply(&s.MaxAssignmentsPerUser)
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
