package httpapi

import "context"

type statsBody struct {
	Total       int64 `json:"total" doc:"coupons ever made"`
	Free        int64 `json:"free" doc:"nobody has them yet"`
	Disabled    int64 `json:"disabled" doc:"nobody has them, and they are not given out"`
	Reserved    int64 `json:"reserved" doc:"of the free ones, promised to a distribution"`
	Assigned    int64 `json:"assigned" doc:"held, and not locked"`
	Locked      int64 `json:"locked"`
	Redeemed    int64 `json:"redeemed" doc:"used up"`
	Expired     int64 `json:"expired"`
	Void        int64 `json:"void"`
	Redemptions int64 `json:"redemptions" doc:"uses, also those rolled back"`
	Rollbacks   int64 `json:"rollbacks"`
	Refused     int64 `json:"refused" doc:"claims that ended without a coupon"`
	Queued      int64 `json:"queued" doc:"claims that wait"`
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
