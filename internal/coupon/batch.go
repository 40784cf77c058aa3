package coupon

import (
	"time"

	"github.com/google/uuid"
)

// BatchKind is how the codes of a batch came.
type BatchKind string

// The kinds of batches.
const (
	Generated BatchKind = "generated"
	Uploaded  BatchKind = "uploaded"
	Added     BatchKind = "added" // one by one
)

// Batch is the codes of a book that came together.
type Batch struct {
	ID        uuid.UUID
	BookID    uuid.UUID
	JobID     *uuid.UUID // that made it; nil: codes were added one by one
	Kind      BatchKind
	Pattern   *string // of generated codes
	FileName  *string // of uploaded ones, if it was told
	Codes     int
	VoidedAt  *time.Time // when it was voided as a whole
	CreatedAt time.Time
}
