package httpapi

import (
	"context"
	"time"

	"couponbook/internal/coupon"
)

type activityBody struct {
	Hour       time.Time `json:"hour" doc:"when it begins"`
	Granted    int64     `json:"granted" doc:"coupons"`
	Refused    int64     `json:"refused" doc:"claims that ended without a coupon"`
	Redeemed   int64     `json:"redeemed" doc:"uses, also those rolled back later"`
	RolledBack int64     `json:"rolled_back" doc:"uses given back"`
}

type activityResponse struct {
	Body struct {
		Data []activityBody `json:"data" doc:"hours in which nothing happened are left out; the last seconds may still be missing"`
	}
}

// ActivitySpan says which hours are asked for.
type ActivitySpan struct {
	From time.Time `query:"from" doc:"from the hour of this instant on; left out: seven days before to"`
	To   time.Time `query:"to" doc:"before this instant, at most 31 days after from; left out: now"`
}

func (s ActivitySpan) filter() coupon.ActivityFilter {
	if s.To.IsZero() {
		s.To = time.Now()
	}
	if s.From.IsZero() {
		s.From = s.To.AddDate(0, 0, -7)
	}
	return coupon.ActivityFilter{From: s.From, To: s.To}
}

// activity tells what happened in all books of the caller, hour by hour.
func (a *API) activity(ctx context.Context, in *struct{ ActivitySpan }) (*activityResponse, error) {
	return newActivityResponse(a.Service.Activity(ctx, principalOf(ctx), in.filter()))
}

type bookActivityRequest struct {
	ByID
	ActivitySpan
}

// bookActivity tells what happened in a book, hour by hour.
func (a *API) bookActivity(ctx context.Context, in *bookActivityRequest) (*activityResponse, error) {
	return newActivityResponse(a.Service.BookActivity(ctx, principalOf(ctx), in.ID, in.filter()))
}

func newActivityResponse(hours []coupon.Activity, err error) (*activityResponse, error) {
	if err != nil {
		return nil, err
	}
	out := &activityResponse{}
	out.Body.Data = make([]activityBody, len(hours))
	for i, hour := range hours {
		out.Body.Data[i] = activityBody(hour)
	}
	return out, nil
}
