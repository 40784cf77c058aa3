package service

import (
	"context"
	"encoding/json"
	"log/slog"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// TellGuessing tells that somebody tries too many codes that are not his. That it
// cannot be told stops nobody.
func (s *Service) TellGuessing(ctx context.Context, p auth.Principal) {
	address := originOf(ctx).Address.String()
	slog.WarnContext(ctx, "too many codes that are not the caller's", "user_id", p.UserID, "client", address)
	data, err := json.Marshal(coupon.SecurityData{UserID: p.UserID, Address: address})
	if err == nil {
		err = s.store.AddEvent(ctx, postgres.Event{Type: coupon.CodeGuessing, UserID: &p.UserID, Data: data})
	}
	if err != nil {
		slog.WarnContext(ctx, "code guessing not told", "user_id", p.UserID, "error", err)
	}
}
