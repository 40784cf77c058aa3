package coupon

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// SalePhase is where a sale stands for whoever wants a coupon.
type SalePhase string

// The phases.
const (
	SaleComing  SalePhase = "coming"   // opens later
	SaleOpen    SalePhase = "open"     // claim now
	SaleSoldOut SalePhase = "sold_out" // nothing is left; a revoked coupon may come back
	SalePaused  SalePhase = "paused"   // its owner has stopped it for now
	SaleEnded   SalePhase = "ended"    // for good
)

// Sale is a book as those see it who may claim from it.
type Sale struct {
	ID                    uuid.UUID
	Name                  string
	Description           string
	Status                BookStatus
	StartsAt              *time.Time
	EndsAt                *time.Time
	MaxAssignmentsPerUser *int
	Benefit               json.RawMessage
	SoldOut               bool
	Held                  int // coupons of it that count towards the caller's limit
	Now                   time.Time
}

// SalePlace is a place in the list of sales.
type SalePlace struct {
	StartsAt *time.Time
	ID       *uuid.UUID
}

// Phase is where the sale stands now.
func (s Sale) Phase() SalePhase {
	book := Book{Status: s.Status, StartsAt: s.StartsAt, EndsAt: s.EndsAt}
	switch {
	case book.Over(s.Now) != nil:
		return SaleEnded
	case book.Holds():
		return SalePaused
	case s.StartsAt != nil && s.Now.Before(*s.StartsAt):
		return SaleComing
	case s.SoldOut:
		return SaleSoldOut
	}
	return SaleOpen
}
