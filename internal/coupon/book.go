package coupon

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// BookStatus is where a book stands.
type BookStatus string

// The statuses of a book: draft → active ⇄ paused → closed.
const (
	Draft  BookStatus = "draft"  // being prepared; nobody can claim
	Active BookStatus = "active" // gives out coupons between its dates
	Paused BookStatus = "paused" // takes no claims; the ones it took wait
	Closed BookStatus = "closed" // for good
)

// Book is a set of codes with common rules.
type Book struct {
	ID          uuid.UUID
	OwnerID     uuid.UUID
	Name        string
	Description string
	Status      BookStatus
	StartsAt    *time.Time // claims from this instant on; nil: at once
	EndsAt      *time.Time // claims before this instant; nil: no end
	TimeZone    string     // of dates that come without a time, like Europe/Madrid
	// MaxAssignmentsPerUser is how many coupons one user can get; nil: no limit.
	MaxAssignmentsPerUser *int
	TillRules
	NoticeRules
	Metadata   json.RawMessage // the owner's own, an object
	Benefit    json.RawMessage // what a coupon is worth, for whoever redeems it; nil: not said
	ArchivedAt *time.Time
	Version    int
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// BookSettings is what the owner of a book decides.
type BookSettings struct {
	Name                  string
	Description           string
	StartsAt              *time.Time
	EndsAt                *time.Time
	TimeZone              string
	MaxAssignmentsPerUser *int
	TillRules
	NoticeRules
	Metadata json.RawMessage
	Benefit  json.RawMessage
}

// BookFilter narrows a list of books; nil fields do not.
type BookFilter struct {
	OwnerID  *uuid.UUID
	Archived bool       // those, instead of the others
	Before   *uuid.UUID // the last id of the page before
}

// NewSettings are a name and the defaults: no dates, no limits; a lock of five
// minutes before each redemption, one use a coupon, none back; a notice at a
// tenth of the stock, and a day before the end.
func NewSettings(name string) BookSettings {
	return BookSettings{
		Name: name, TimeZone: "UTC", Metadata: json.RawMessage(`{}`),
		TillRules:   TillRules{RequireLock: true, LockFor: 5 * time.Minute, MaxRedemptions: 1},
		NoticeRules: NoticeRules{LowStockPercent: 10, EndingSoon: 24 * time.Hour},
	}
}

// NewBook makes a draft, or tells all faults of the settings.
func NewBook(id, owner uuid.UUID, settings BookSettings) (Book, error) {
	return Book{ID: id, OwnerID: owner, Status: Draft, Version: 1}.With(settings)
}

// Settings are the book's present ones.
func (b Book) Settings() BookSettings {
	return BookSettings{
		b.Name, b.Description, b.StartsAt, b.EndsAt, b.TimeZone, b.MaxAssignmentsPerUser, b.TillRules, b.NoticeRules,
		b.Metadata, b.Benefit,
	}
}

// With returns the book under other settings, or tells all their faults.
func (b Book) With(s BookSettings) (Book, error) {
	if b.ArchivedAt != nil {
		return b, ErrBookState.With("The book is archived: it can be read, not changed.")
	}
	var wrong faults
	s.Name = strings.TrimSpace(s.Name)
	wrong.text("/name", s.Name, 1, 200)
	wrong.text("/description", s.Description, 0, 5000)
	if s.StartsAt != nil && s.EndsAt != nil && !s.StartsAt.Before(*s.EndsAt) {
		wrong.add("/ends_at", "must be later than starts_at")
	}
	if s.MaxAssignmentsPerUser != nil && (*s.MaxAssignmentsPerUser < 1 || *s.MaxAssignmentsPerUser > 1_000_000) {
		wrong.add("/max_assignments_per_user", "must be between 1 and 1000000, or null for no limit")
	}
	if _, err := zone(s.TimeZone); err != nil {
		wrong.add("/time_zone", "must be a time zone such as Europe/Madrid or UTC")
	}
	s.TillRules.check(&wrong)
	s.NoticeRules.check(&wrong)
	wrong.object("/metadata", s.Metadata)
	wrong.object("/benefit", s.Benefit)
	b.Name, b.Description, b.StartsAt, b.EndsAt, b.TimeZone = s.Name, s.Description, s.StartsAt, s.EndsAt, s.TimeZone
	b.MaxAssignmentsPerUser, b.TillRules, b.NoticeRules = s.MaxAssignmentsPerUser, s.TillRules, s.NoticeRules
	b.Metadata, b.Benefit = s.Metadata, s.Benefit
	return b, wrong.err()
}

// bookMoves lists where a book can go from where.
var bookMoves = map[BookStatus][]BookStatus{
	Draft:  {Active, Closed},
	Active: {Paused, Closed},
	Paused: {Active, Closed},
	Closed: nil,
}

// Move returns the book in another status. Moving to where it already is
// changes nothing, so that a repeated request does no harm.
func (b Book) Move(to BookStatus) (Book, error) {
	if b.Status == to {
		return b, nil
	}
	if !slices.Contains(bookMoves[b.Status], to) {
		return b, ErrBookState.With("A %s book cannot become %s.", b.Status, to)
	}
	b.Status = to
	return b, nil
}

// Archive returns the book closed and out of sight. What it gave out stays good.
func (b Book) Archive(now time.Time) (Book, error) {
	if b.ArchivedAt != nil {
		return b, nil
	}
	b, err := b.Move(Closed)
	b.ArchivedAt = &now
	return b, err
}

// TakesClaims tells why the book accepts no claim at now, or nil.
func (b Book) TakesClaims(now time.Time) error {
	switch {
	case b.Status == Closed:
		return ErrBookNotActive.With("The book is closed: it gives out no more coupons.")
	case b.Status != Active:
		return ErrBookNotActive.With("The book is %s: it takes no claims until its owner activates it.", b.Status)
	case b.StartsAt != nil && now.Before(*b.StartsAt):
		return ErrBookNotStarted.With("The book opens at %s; it is %s now.",
			b.StartsAt.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case b.EndsAt != nil && !now.Before(*b.EndsAt):
		return ErrBookEnded
	}
	return nil
}

// TakesDistributions tells why nothing can be distributed of the book at now, or
// nil. It need not have started: people may get their coupons before they can
// use them.
func (b Book) TakesDistributions(now time.Time) error {
	if err := b.TakesClaims(now); !errors.Is(err, ErrBookNotStarted) {
		return err
	}
	return nil
}

// TakesCodes tells why the book gets no more codes, or nil.
func (b Book) TakesCodes() error {
	if b.Status == Closed {
		return ErrBookState.With("The book is closed: it takes no more codes.")
	}
	return nil
}

// Holds reports whether accepted claims wait for the book's owner.
func (b Book) Holds() bool { return b.Status == Draft || b.Status == Paused }

// Over tells why accepted claims that still wait get nothing at now, or nil.
func (b Book) Over(now time.Time) *Error {
	switch {
	case b.Status == Closed:
		return ErrBookNotActive
	case b.EndsAt != nil && !now.Before(*b.EndsAt):
		return ErrBookEnded
	}
	return nil
}
