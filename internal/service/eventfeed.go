package service

import (
	"context"
	"fmt"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

type (
	// DeliveryFilter narrows a list of deliveries.
	DeliveryFilter = postgres.DeliveryFilter
	// EventFilter narrows the list of events.
	EventFilter = postgres.EventFilter
	// EventPlace is a place in the list of events.
	EventPlace = postgres.EventPlace
)

// FirstEvent is the place before all events.
var FirstEvent = EventPlace{Xact: "0"}

// EventPage is a part of the list of events.
type EventPage struct {
	Messages []coupon.Message
	Next     EventPlace // where the list goes on
	More     bool       // there is more already
}

// Events lists the events that the caller may hear of, codes masked.
func (s *Service) Events(ctx context.Context, p auth.Principal, f EventFilter, limit int) (page EventPage, err error) {
	for i, filter := range f.Types {
		if !coupon.IsEventFilter(filter) {
			return page, coupon.InvalidInput(coupon.Field{
				Pointer: "types", Detail: fmt.Sprintf("the %d. is no event: see GET /event-types, or use \"coupon.*\"", i+1),
			})
		}
	}
	if p.Role != coupon.Admin {
		f.VisibleTo = &p.UserID
	}
	found, err := s.store.EventsAfter(ctx, f, limit)
	page = EventPage{Messages: make([]coupon.Message, len(found.Events)), Next: found.Next, More: found.More}
	for i := range found.Events {
		if err == nil {
			page.Messages[i], err = coupon.NewMessage(found.Events[i:i+1], false)
		}
	}
	return page, err
}
