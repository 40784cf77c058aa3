package coupon

import (
	"time"

	"github.com/google/uuid"
)

// BookStock is what an open book has left.
type BookStock struct {
	BookID     uuid.UUID
	Name       string
	Total      int64 // coupons ever made
	Free       int64 // nobody has them yet
	EndsAt     *time.Time
	Low        bool // as the book's settings call it
	EndingSoon bool // likewise
}

// MaxStock is how many books are told of at a time.
const MaxStock = 20
