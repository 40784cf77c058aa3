package coupon

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxEventsTogether is how many events of coupons one message carries at most.
const MaxEventsTogether = 500

// Message is what an endpoint is sent, and what the list of events has: one
// event, or several of one transaction that are alike.
type Message struct {
	ID        string    `json:"id" doc:"the same each time it is sent"`
	Type      EventType `json:"type"`
	Timestamp time.Time `json:"timestamp" doc:"when it happened"`
	Data      any       `json:"data" doc:"see GET /event-types"`
}

// ToldEvent is an event with what else its message tells.
type ToldEvent struct {
	ID         int64
	Type       EventType
	BookID     *uuid.UUID
	CouponID   *uuid.UUID
	CouponSeq  *int
	JobID      *uuid.UUID
	UserID     *uuid.UUID
	ActorID    *uuid.UUID
	Data       json.RawMessage
	CreatedAt  time.Time
	Code       *string // of the coupon
	ExternalID *string // of the user
	Email      *string
	Job        *ToldJob // of an event of a job
}

// MessageID is the webhook-id of the message that begins with an event.
func MessageID(event int64) string { return fmt.Sprintf("evt_%d", event) }

// NewMessage makes the message of events that travel together. Without codes,
// codes are masked and e-mails left out.
func NewMessage(events []ToldEvent, codes bool) (Message, error) {
	first := events[0]
	m := Message{ID: MessageID(first.ID), Type: first.Type, Timestamp: first.CreatedAt.UTC()}
	context := EventContext{BookID: first.BookID, JobID: first.JobID, ActorID: first.ActorID}
	switch {
	case first.CouponID != nil:
		data := CouponsData{EventContext: context, Coupons: make([]ToldCoupon, len(events))}
		for i, e := range events {
			if err := e.coupon(&data.Coupons[i], codes); err != nil {
				return m, err
			}
		}
		m.Data = data
	case first.Job != nil:
		job := *first.Job
		job.User = first.user(codes)
		job.Coupons = make([]ToldGrant, len(first.Job.Coupons))
		for i, got := range first.Job.Coupons {
			job.Coupons[i] = ToldGrant{got.ID, shownCode(got.Code, codes)}
		}
		m.Data = JobData{job}
	default:
		data := map[string]any{}
		if first.Data != nil {
			if err := json.Unmarshal(first.Data, &data); err != nil {
				return m, fmt.Errorf("read the data of event %d: %w", first.ID, err)
			}
		}
		for name, id := range map[string]*uuid.UUID{"book_id": context.BookID, "job_id": context.JobID, "actor_id": context.ActorID} {
			if id != nil {
				data[name] = *id
			}
		}
		m.Data = data
	}
	return m, nil
}

// coupon fills in what happened to the event's coupon.
func (e ToldEvent) coupon(told *ToldCoupon, codes bool) error {
	told.From, told.To = Unassigned, Assigned // what coupon.assigned does not say
	if e.Data != nil {
		if err := json.Unmarshal(e.Data, told); err != nil {
			return fmt.Errorf("read the data of event %d: %w", e.ID, err)
		}
	}
	told.ID, told.Sequence, told.User = *e.CouponID, *e.CouponSeq, e.user(codes)
	if e.Code != nil {
		told.Code = shownCode(*e.Code, codes)
	}
	return nil
}

func (e ToldEvent) user(codes bool) *ToldUser {
	if e.UserID == nil {
		return nil
	}
	user := &ToldUser{ID: *e.UserID, ExternalID: e.ExternalID}
	if codes {
		user.Email = e.Email
	}
	return user
}

func shownCode(code string, codes bool) string {
	if codes {
		return code
	}
	return MaskCode(code)
}

// MaskCode hides a code but for its end, at most a third of it and four characters.
func MaskCode(code string) string {
	n := utf8.RuneCountInString(code)
	hidden := n - min(4, n/3)
	return strings.Repeat("*", hidden) + string([]rune(code)[hidden:])
}
