package coupon

// EventType names what happened: resource, dot, verb in the past tense.
type EventType string

// The events there are.
const (
	CouponAssigned EventType = "coupon.assigned"
	CodesAdded     EventType = "book.codes_added"
	BookActivated  EventType = "book.activated"
	BookPaused     EventType = "book.paused"
	BookClosed     EventType = "book.closed"
	JobSucceeded   EventType = "job.succeeded"
	JobFailed      EventType = "job.failed"
)

// BookMoved is the event of a book that comes to a status; drafts tell nothing.
var BookMoved = map[BookStatus]EventType{
	Active: BookActivated,
	Paused: BookPaused,
	Closed: BookClosed,
}
