package showcase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
)

func redeemUnlocked(ctx context.Context, s *stage) (string, error) {
	return refused(post(ctx, s.ann, couponPath(s.coupon, "/redeem"), body{}, nil), "lock_required")
}

func lock(ctx context.Context, s *stage) (string, error) {
	var locked struct {
		Token  string `json:"lock_token"`
		Coupon coupon `json:"coupon"`
	}
	err := post(ctx, s.ann, couponPath(s.coupon, "/lock"), body{"ttl_seconds": 120}, &locked)
	if err = errors.Join(err, require("the state", locked.Coupon.State, "LOCKED")); err != nil {
		return "", err
	}
	s.lockToken = locked.Token
	return "until " + locked.Coupon.LockedUntil.Format(time.TimeOnly), nil
}

func secondLock(ctx context.Context, s *stage) (string, error) {
	return refused(post(ctx, s.ann, couponPath(s.coupon, "/lock"), nil, nil), "coupon_locked")
}

func wrongToken(ctx context.Context, s *stage) (string, error) {
	return refused(post(ctx, s.ann, couponPath(s.coupon, "/redeem"), body{"lock_token": "made up"}, nil), "coupon_locked")
}

func validate(ctx context.Context, s *stage) (string, error) {
	var got struct {
		Valid    bool
		Problems []struct{ Code string }
	}
	if err := post(ctx, s.ann, couponPath(s.coupon, "/validate"), nil, &got); err != nil {
		return "", err
	}
	var codes []string
	for _, problem := range got.Problems {
		codes = append(codes, problem.Code)
	}
	all := strings.Join(codes, ", ")
	return fmt.Sprintf("valid: %t; %s", got.Valid, all), require("the problems", all, "coupon_locked")
}

func stranger(ctx context.Context, s *stage) (string, error) {
	unknown, err := refused(get(ctx, s.ben, couponPath(uuid.New(), ""), nil), "coupon_unavailable")
	if err != nil {
		return "", err
	}
	hers, err := refused(get(ctx, s.ben, couponPath(s.coupon, ""), nil), "coupon_unavailable")
	return hers, errors.Join(err, require("the answer", hers, unknown))
}

type redemption struct {
	Redemption struct {
		ID uuid.UUID `json:"id"`
	} `json:"redemption"`
	Coupon coupon `json:"coupon"`
}

func redeem(ctx context.Context, s *stage) (string, error) {
	var done redemption
	err := post(ctx, s.ann, couponPath(s.coupon, "/redeem"), body{"lock_token": s.lockToken, "order_ref": "A-1"}, &done)
	if err != nil {
		return "", err
	}
	s.redemption = done.Redemption.ID
	return done.Coupon.State + ", benefit " + string(done.Coupon.Benefit), require("the state", done.Coupon.State, "REDEEMED")
}

func redeemAgain(ctx context.Context, s *stage) (string, error) {
	return refused(post(ctx, s.ann, couponPath(s.coupon, "/redeem"), body{"lock_token": s.lockToken, "order_ref": "A-2"}, nil), "already_redeemed")
}

func sameOrder(ctx context.Context, s *stage) (string, error) {
	var done redemption
	err := post(ctx, s.ann, couponPath(s.coupon, "/redeem"), body{"lock_token": s.lockToken, "order_ref": "A-1"}, &done)
	return "redemption " + done.Redemption.ID.String(), errors.Join(err, require("the redemption", done.Redemption.ID, s.redemption))
}

func rollBack(ctx context.Context, s *stage) (string, error) {
	path, why := "/redemptions/"+s.redemption.String()+"/rollback", body{"reason": "the order was cancelled"}
	var done redemption
	if err := post(ctx, s.manager, path, why, &done); err != nil {
		return "", err
	}
	if err := require("the state", done.Coupon.State, "ASSIGNED"); err != nil {
		return "", err
	}
	second, err := refused(post(ctx, s.manager, path, why, nil), "already_rolled_back")
	return "ASSIGNED again; then " + second, err
}

func unlock(ctx context.Context, s *stage) (string, error) {
	if _, err := lock(ctx, s); err != nil {
		return "", err
	}
	var free coupon
	err := post(ctx, s.ann, couponPath(s.coupon, "/unlock"), body{"lock_token": s.lockToken}, &free)
	return free.State, errors.Join(err, require("the state", free.State, "ASSIGNED"))
}

func pause(ctx context.Context, s *stage) (string, error) {
	if err := post(ctx, s.manager, s.book.path("/pause"), nil, nil); err != nil {
		return "", err
	}
	answer, err := refused(post(ctx, s.ann, couponPath(s.coupon, "/lock"), nil, nil), "book_not_active")
	return answer, errors.Join(err, post(ctx, s.manager, s.book.path("/activate"), nil, nil))
}

func staleEdit(ctx context.Context, s *stage) (string, error) {
	return refused(s.manager.Do(ctx, http.MethodPatch, prefix+s.book.path(""), body{"description": "lost"}, nil,
		client.Header{Name: "If-Match", Value: `"1"`}), "book_changed")
}

func revoke(ctx context.Context, s *stage) (string, error) {
	var free coupon
	err := post(ctx, s.manager, couponPath(s.second, "/revoke"), body{"reason": "given by mistake"}, &free)
	return free.State, errors.Join(err, require("the state", free.State, "UNASSIGNED"))
}

func void(ctx context.Context, s *stage) (string, error) {
	var dead coupon
	if err := post(ctx, s.manager, couponPath(s.second, "/void"), body{"reason": "printed twice"}, &dead); err != nil {
		return "", err
	}
	return jobRefused(ctx, s.manager, couponPath(s.second, "/assign"), body{"user_id": s.annID}, "coupon_void")
}

func expiry(ctx context.Context, s *stage) (string, error) {
	if err := s.manager.Do(ctx, http.MethodPatch, prefix+s.book.path(""), body{"valid_for_seconds": 1}, nil); err != nil {
		return "", err
	}
	job, err := finished(ctx, s.ann, s.book.path("/claims"), nil)
	if err = errors.Join(err, require("the job", job.Status, "succeeded")); err != nil {
		return "", err
	}
	short := job.Result.Coupons[0].ID
	for seen := (coupon{}); seen.State != "EXPIRED"; {
		if err = get(ctx, s.ann, couponPath(short, ""), &seen); err != nil {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the coupon is still %s: %w", seen.State, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return refused(post(ctx, s.ann, couponPath(short, "/lock"), nil, nil), "coupon_expired")
}

func uses(ctx context.Context, s *stage) (string, error) {
	var got struct {
		Data []struct{ Outcome, Reason string }
	}
	if err := get(ctx, s.manager, s.book.path("/redemptions"), &got); err != nil {
		return "", err
	}
	counts := map[string]int{}
	for _, use := range got.Data {
		counts[use.Outcome]++
	}
	return fmt.Sprintf("%d rolled back, %d refused", counts["rolled_back"], counts["refused"]),
		require("the uses that were rolled back", counts["rolled_back"], 1)
}

func timeline(ctx context.Context, s *stage) (string, error) {
	var told struct {
		Data []struct {
			Seq  int
			Type string
			Data json.RawMessage
		}
	}
	if err := get(ctx, s.manager, couponPath(s.coupon, "/timeline"), &told); err != nil {
		return "", err
	}
	var types []string
	for i, event := range told.Data {
		if err := require("the number of an event", event.Seq, i+1); err != nil {
			return "", err
		}
		types = append(types, strings.TrimPrefix(event.Type, "coupon."))
	}
	all := strings.Join(types, ", ")
	return all, require("the timeline", all, "assigned, locked, redeemed, rolled_back, locked, unlocked")
}
