package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// Every request at the till that comes a hundred times at once under one key
// has one effect, and everyone gets its answer; another request under the key
// is refused, and a refusal uses no key up.
func TestKeysAtTheTill(t *testing.T) {
	t.Parallel()
	s := newShop(t, `rollback_window = '1 hour', max_redemptions = 3`)
	hundred := func(who, path, key string, body any) string {
		var mu sync.Mutex
		answers, replays := map[string]int{}, 0
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				got := s.call(t, who, http.MethodPost, path, body, "Idempotency-Key", key)
				mu.Lock()
				defer mu.Unlock()
				answers[string(got.body)]++
				if got.header.Get("Idempotency-Replayed") == "true" {
					replays++
				}
			})
		}
		all.Wait()
		require.Len(t, answers, 1, path)
		require.Equal(t, 99, replays, path)
		return slices.Collect(maps.Keys(answers))[0]
	}
	refused := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{}, "Idempotency-Key", "redeem")
	require.Equal(t, "lock_required", refused.problem.Code)

	var lock struct {
		LockToken string `json:"lock_token"`
	}
	answer{body: []byte(hundred(s.ann, s.byID+"/lock", "lock", map[string]any{"ttl_seconds": 30}))}.read(t, &lock)
	reused := s.call(t, s.ann, http.MethodPost, s.byID+"/lock", map[string]any{"ttl_seconds": 31}, "Idempotency-Key", "lock")
	require.Equal(t, "idempotency_key_reused", reused.problem.Code)
	hundred(s.ann, s.byID+"/unlock", "unlock", map[string]any{"lock_token": lock.LockToken})
	answer{body: []byte(hundred(s.ann, s.byID+"/lock", "lock2", nil))}.read(t, &lock)
	var done redeemed
	answer{body: []byte(hundred(s.ann, s.byID+"/redeem", "redeem", map[string]any{"lock_token": lock.LockToken}))}.read(t, &done)
	require.Equal(t, 2, done.Coupon.Remaining)
	hundred(s.manager, Prefix+"/redemptions/"+done.Redemption.ID.String()+"/rollback", "back", map[string]any{"reason": "sent back"})
	hundred(s.manager, s.byID+"/revoke", "revoke", map[string]any{"reason": "a mistake"})
	hundred(s.manager, s.byID+"/void", "void", map[string]any{"reason": "no more"})
	for _, path := range []string{"/lock", "/unlock", "/redeem", "/revoke", "/void"} {
		body := map[string]any{}
		if path == "/revoke" || path == "/void" {
			body["reason"] = "x"
		}
		require.Equal(t, 422, s.call(t, s.manager, http.MethodPost, s.byID+path, body, "Idempotency-Key", "a b").status)
	}
	require.Equal(t, 422, s.call(t, s.manager, http.MethodPost, Prefix+"/redemptions/"+done.Redemption.ID.String()+"/rollback",
		map[string]any{"reason": "x"}, "Idempotency-Key", "a b").status)

	var seen couponBody
	s.call(t, s.manager, http.MethodGet, s.byID, nil).read(t, &seen)
	require.Equal(t, coupon.Void, seen.State)
	var uses int
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM redemptions`).Scan(&uses))
	require.Equal(t, 2, uses, "one, and the row that takes it back")
	var tokens int
	require.NoError(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM stored_answers WHERE answer::text LIKE '%' || $1 || '%'`,
		lock.LockToken).Scan(&tokens))
	require.Zero(t, tokens, "a lock token is stored nowhere")
	fixture.Verify(t, s.pool)
}
