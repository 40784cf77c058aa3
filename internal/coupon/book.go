package coupon

import (
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
	// MaxAssignmentsPerUser is how many coupons one user can get; nil: no limit.
	MaxAssignmentsPerUser *int
	TillRules
	Version   int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TillRules say how a book's coupons are used.
type TillRules struct {
	RequireLock           bool          // redeem only what is locked
	LockFor               time.Duration // unless the caller asks for another time
	MaxRedemptions        int           // of a coupon; codes take it when they are made
	MaxRedemptionsPerUser *int          // in this book; nil: no limit
	RollbackWindow        time.Duration // after a redemption; 0: never
}

// maxRollbackWindow is ten years.
const maxRollbackWindow = 10 * 365 * 24 * time.Hour

func (r TillRules) check(wrong *faults) {
	if r.LockFor < time.Second || r.LockFor > MaxLock {
		wrong.add("/lock_seconds", "must be between 1 and %d", int(MaxLock.Seconds()))
	}
	if r.MaxRedemptions < 1 || r.MaxRedemptions > 1_000_000 {
		wrong.add("/max_redemptions", "must be between 1 and 1000000")
	}
	if r.MaxRedemptionsPerUser != nil && (*r.MaxRedemptionsPerUser < 1 || *r.MaxRedemptionsPerUser > 1_000_000) {
		wrong.add("/max_redemptions_per_user", "must be between 1 and 1000000, or null for no limit")
	}
	if r.RollbackWindow < 0 || r.RollbackWindow > maxRollbackWindow {
		wrong.add("/rollback_window_seconds", "must be between 0 (never) and %d", int(maxRollbackWindow.Seconds()))
	}
}

// BookSettings is what the owner of a book decides.
type BookSettings struct {
	Name                  string
	Description           string
	StartsAt              *time.Time
	EndsAt                *time.Time
	MaxAssignmentsPerUser *int
	TillRules
}

// NewSettings are a name and the defaults: no dates, no limits; a lock of five
// minutes before each redemption, one use a coupon, none back.
func NewSettings(name string) BookSettings {
	return BookSettings{Name: name, TillRules: TillRules{RequireLock: true, LockFor: 5 * time.Minute, MaxRedemptions: 1}}
}

// NewBook makes a draft, or tells all faults of the settings.
func NewBook(id, owner uuid.UUID, settings BookSettings) (Book, error) {
	return Book{ID: id, OwnerID: owner, Status: Draft, Version: 1}.With(settings)
}

// Settings are the book's present ones.
func (b Book) Settings() BookSettings {
	return BookSettings{b.Name, b.Description, b.StartsAt, b.EndsAt, b.MaxAssignmentsPerUser, b.TillRules}
}

// With returns the book under other settings, or tells all their faults.
func (b Book) With(s BookSettings) (Book, error) {
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
	s.check(&wrong)
	b.Name, b.Description, b.StartsAt, b.EndsAt = s.Name, s.Description, s.StartsAt, s.EndsAt
	b.MaxAssignmentsPerUser, b.TillRules = s.MaxAssignmentsPerUser, s.TillRules
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
		return b, ErrBookState.with("A %s book cannot become %s.", b.Status, to)
	}
	b.Status = to
	return b, nil
}

// TakesClaims tells why the book accepts no claim at now, or nil.
func (b Book) TakesClaims(now time.Time) error {
	switch {
	case b.Status == Closed:
		return ErrBookNotActive.with("The book is closed: it gives out no more coupons.")
	case b.Status != Active:
		return ErrBookNotActive.with("The book is %s: it takes no claims until its owner activates it.", b.Status)
	case b.StartsAt != nil && now.Before(*b.StartsAt):
		return ErrBookNotStarted.with("The book opens at %s; it is %s now.",
			b.StartsAt.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case b.EndsAt != nil && !now.Before(*b.EndsAt):
		return ErrBookEnded
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

// BookStats are the numbers of a book at one instant.
type BookStats struct {
	Total    int64 // coupons ever made
	Free     int64 // nobody has them yet
	Reserved int64 // of the free ones, promised to a distribution
	Assigned int64 // given out
	Refused  int64 // claims that ended without a coupon
	Queued   int64 // claims that wait
}
