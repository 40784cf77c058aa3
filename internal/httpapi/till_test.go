package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// shop is a house with a book, and someone who holds a coupon of it.
type shop struct {
	*house
	book          coupon.Book
	ann, manager  string
	coupon        couponBody
	byID, inWords string // paths
}

// newShop makes one; rules is SQL that sets columns of the book.
func newShop(t *testing.T, rules string) *shop {
	t.Helper()
	s := &shop{house: newHouse(t)}
	s.book = fixture.Book(t, s.pool, 0, 0)
	_, err := s.pool.Exec(t.Context(), `UPDATE books SET `+rules)
	require.NoError(t, err)
	fixture.Codes(t, s.pool, fixture.Owner(s.book), s.book.ID, 5)
	s.manager, s.ann = s.token(t, fixture.Owner(s.book)), s.person(t, coupon.UserRole)
	var job jobBody
	s.call(t, s.ann, http.MethodPost, bookPath(s.book, "/claims"), nil, "Prefer", "wait=10").read(t, &job)
	require.Equal(t, coupon.Succeeded, job.Status)
	s.byID = Prefix + "/coupons/" + job.Result.Coupons[0].ID.String()
	s.inWords = Prefix + "/coupons/" + job.Result.Coupons[0].Code
	s.call(t, s.ann, http.MethodGet, s.byID, nil).read(t, &s.coupon)
	return s
}

func (s *shop) lock(t *testing.T, body any) (locked struct {
	LockToken   string     `json:"lock_token"`
	LockedUntil time.Time  `json:"locked_until"`
	Coupon      couponBody `json:"coupon"`
},
) {
	t.Helper()
	got := s.call(t, s.ann, http.MethodPost, s.byID+"/lock", body)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	got.read(t, &locked)
	return locked
}

type redeemed struct {
	Redemption redemptionBody `json:"redemption"`
	Coupon     couponBody     `json:"coupon"`
}

// The way through the till: lock, a second lock is refused with the time to
// wait, redeem, a second redeem is refused, and the timeline tells it all.
func TestLockAndRedeem(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	require.Equal(t, coupon.Assigned, s.coupon.State)
	require.Equal(t, "lock_required", s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{}).problem.Code)

	lock := s.lock(t, map[string]any{"ttl_seconds": 60, "order_ref": "A-1"})
	require.Equal(t, coupon.Locked, lock.Coupon.State)
	require.WithinDuration(t, lock.Coupon.Now.Add(time.Minute), lock.LockedUntil, time.Millisecond)
	require.Equal(t, lock.LockToken, s.lock(t, map[string]any{"order_ref": "A-1"}).LockToken, "one's own lock again")
	second := s.call(t, s.ann, http.MethodPost, s.inWords+"/lock", nil)
	require.Equal(t, "coupon_locked", second.problem.Code)
	require.Equal(t, http.StatusConflict, second.status)
	require.NotEmpty(t, second.header.Get("Retry-After"))
	require.Equal(t, "coupon_locked", s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"lock_token": "no"}).problem.Code)

	var done redeemed
	s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{
		"lock_token": lock.LockToken, "order_ref": "A-1", "metadata": map[string]any{"till": 4},
	}).read(t, &done)
	require.Equal(t, coupon.Redeemed, done.Coupon.State)
	require.Zero(t, done.Coupon.Remaining)
	require.JSONEq(t, `{"till": 4}`, string(done.Redemption.Metadata))
	again := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"order_ref": "A-1"})
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	var replay redeemed
	again.read(t, &replay)
	require.Equal(t, done.Redemption.ID, replay.Redemption.ID)
	other := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"order_ref": "A-2"})
	require.Equal(t, "already_redeemed", other.problem.Code)

	var told struct{ Data []timelineBody }
	s.call(t, s.manager, http.MethodGet, s.byID+"/timeline", nil).read(t, &told)
	types := []coupon.EventType{}
	for i, e := range told.Data {
		require.Equal(t, i+1, e.Seq)
		require.NotNil(t, e.ActorID)
		types = append(types, e.Type)
	}
	require.Equal(t, []coupon.EventType{"coupon.assigned", "coupon.locked", "coupon.lock_extended", "coupon.redeemed"}, types)
	s.call(t, s.ann, http.MethodGet, s.byID+"/timeline", nil).read(t, &told)
	require.Len(t, told.Data, 4)
	require.Nil(t, told.Data[0].ActorID)
	fixture.Verify(t, s.pool)
}

// Unlock: the holder with his token, the manager with a reason; once unlocked
// it stays so.
func TestUnlock(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	lock := s.lock(t, nil)
	for _, body := range []any{map[string]any{}, map[string]any{"lock_token": "no"}} {
		require.Equal(t, "coupon_locked", s.call(t, s.ann, http.MethodPost, s.byID+"/unlock", body).problem.Code)
	}
	for range 2 {
		var free couponBody
		s.call(t, s.ann, http.MethodPost, s.byID+"/unlock", map[string]any{"lock_token": lock.LockToken}).read(t, &free)
		require.Equal(t, coupon.Assigned, free.State)
	}
	s.lock(t, nil)
	without := s.call(t, s.manager, http.MethodPost, s.byID+"/unlock", map[string]any{})
	require.Equal(t, "/reason", without.problem.Errors[0].Pointer)
	require.Equal(t, http.StatusOK, s.call(t, s.manager, http.MethodPost, s.byID+"/unlock", map[string]any{"reason": "till broke"}).status)
	fixture.Verify(t, s.pool)
}

// Validate names every reason at once and writes nothing.
func TestValidate(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	var got struct {
		Valid    bool                `json:"valid"`
		Problems []couponProblemBody `json:"problems"`
	}
	s.call(t, s.ann, http.MethodPost, s.inWords+"/validate", nil).read(t, &got)
	require.True(t, got.Valid)
	require.Empty(t, got.Problems)
	s.lock(t, nil)
	_, err := s.pool.Exec(t.Context(), `UPDATE books SET status = 'paused', max_redemptions_per_user = 1`)
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), `UPDATE book_user_limits SET redeemed = 1`)
	require.NoError(t, err)
	s.call(t, s.ann, http.MethodPost, s.byID+"/validate", nil).read(t, &got)
	require.False(t, got.Valid)
	codes := []string{}
	for _, problem := range got.Problems {
		codes = append(codes, problem.Code)
	}
	require.Equal(t, []string{"book_not_active", "redemption_limit_reached", "coupon_locked"}, codes)
	require.Equal(t, "book_not_active", s.call(t, s.ann, http.MethodPost, s.byID+"/lock", nil).problem.Code)
	_, err = s.pool.Exec(t.Context(), `UPDATE books SET status = 'active'`)
	require.NoError(t, err)
	require.Equal(t, "redemption_limit_reached", s.call(t, s.ann, http.MethodPost, s.byID+"/lock", nil).problem.Code)
}

// A stranger cannot tell somebody else's coupon from one that does not exist;
// an admin can.
func TestStrangersFindNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	unknown := Prefix + "/coupons/" + uuid.NewString()
	for _, stranger := range []string{s.person(t, coupon.UserRole), s.person(t, coupon.Manager)} {
		for _, path := range []string{s.byID, s.inWords, unknown, Prefix + "/coupons/NO-SUCH-CODE"} {
			for _, action := range []string{"", "/timeline", "/validate", "/lock", "/unlock", "/redeem"} {
				method, body := http.MethodPost, any(map[string]any{})
				if action == "" || action == "/timeline" {
					method, body = http.MethodGet, nil
				}
				got := s.call(t, stranger, method, path+action, body)
				require.Equal(t, "coupon_unavailable", got.problem.Code, path+action)
				require.Equal(t, http.StatusNotFound, got.status)
			}
		}
	}
	admin := s.person(t, coupon.Admin)
	require.Equal(t, "coupon_not_found", s.call(t, admin, http.MethodGet, unknown, nil).problem.Code)
	require.Equal(t, http.StatusOK, s.call(t, admin, http.MethodGet, s.inWords, nil).status)
	stranger := s.person(t, coupon.Manager)
	why := map[string]any{"reason": "why not"}
	for _, action := range []string{"/revoke", "/void"} {
		require.Equal(t, "coupon_unavailable", s.call(t, stranger, http.MethodPost, s.byID+action, why).problem.Code)
	}
}

// Rollback gives the use back, once, within the window, for the book's manager.
func TestRollback(t *testing.T) {
	t.Parallel()
	s := newShop(t, `rollback_window = '1 hour', max_redemptions = 2`)
	why := map[string]any{"reason": "sent back"}
	var done, back redeemed
	s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"lock_token": s.lock(t, nil).LockToken, "order_ref": "A"}).read(t, &done)
	require.Equal(t, coupon.Assigned, done.Coupon.State, "one use is left")
	path := Prefix + "/redemptions/" + done.Redemption.ID.String() + "/rollback"
	require.Equal(t, "forbidden", s.call(t, s.ann, http.MethodPost, path, why).problem.Code)
	require.Equal(t, "redemption_not_found", s.call(t, s.person(t, coupon.Manager), http.MethodPost, path, why).problem.Code)
	require.Equal(t, "redemption_not_found", s.call(t, s.manager, http.MethodPost, Prefix+"/redemptions/"+uuid.NewString()+"/rollback", why).problem.Code)
	require.Equal(t, "invalid_input", s.call(t, s.manager, http.MethodPost, path, map[string]any{}).problem.Code)
	s.call(t, s.manager, http.MethodPost, path, why).read(t, &back)
	require.True(t, back.Redemption.RolledBack)
	require.Equal(t, 2, back.Coupon.Remaining)
	require.Equal(t, "already_rolled_back", s.call(t, s.manager, http.MethodPost, path, why).problem.Code)
	order := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"lock_token": s.lock(t, nil).LockToken, "order_ref": "A"})
	require.Equal(t, "already_rolled_back", order.problem.Code, "the same order never redeems twice")

	_, err := s.pool.Exec(t.Context(), `UPDATE books SET rollback_window = '0'`)
	require.NoError(t, err)
	s.call(t, s.manager, http.MethodPost, s.byID+"/unlock", why)
	s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"lock_token": s.lock(t, nil).LockToken}).read(t, &done)
	path = Prefix + "/redemptions/" + done.Redemption.ID.String() + "/rollback"
	require.Equal(t, "rollback_window", s.call(t, s.manager, http.MethodPost, path, why).problem.Code)
	fixture.Verify(t, s.pool)
}

// A revoked coupon goes back into the stock and to somebody else, who sees its
// life from then on; a used one cannot be revoked. A void one is over.
func TestRevokeAndVoid(t *testing.T) {
	t.Parallel()
	s := newShop(t, `max_redemptions = 2, max_assignments_per_user = 1`)
	why := map[string]any{"reason": "a mistake"}
	var gone couponBody
	s.call(t, s.manager, http.MethodPost, s.byID+"/revoke", why).read(t, &gone)
	require.Equal(t, coupon.Unassigned, gone.State)
	require.Equal(t, "coupon_unavailable", s.call(t, s.ann, http.MethodGet, s.byID, nil).problem.Code)
	require.Equal(t, "coupon_not_assigned", s.call(t, s.manager, http.MethodPost, s.byID+"/revoke", why).problem.Code)
	var job jobBody
	s.call(t, s.ann, http.MethodPost, bookPath(s.book, "/claims"), nil, "Prefer", "wait=10").read(t, &job)
	require.Equal(t, coupon.Succeeded, job.Status, "the revoked one does not count for the limit")

	bob := s.person(t, coupon.UserRole)
	_, err := s.pool.Exec(t.Context(), `UPDATE books SET max_assignments_per_user = NULL`)
	require.NoError(t, err)
	s.call(t, bob, http.MethodPost, bookPath(s.book, "/claims"), map[string]any{"count": 4}, "Prefer", "wait=10").read(t, &job)
	require.Len(t, job.Result.Coupons, 4)

	var told struct{ Data []timelineBody }
	s.call(t, s.manager, http.MethodGet, s.byID+"/timeline", nil).read(t, &told)
	require.Len(t, told.Data, 3, "assigned, revoked, assigned again: the five coupons are all given out")
	var mine struct{ Data []timelineBody }
	next := s.token(t, auth.Principal{UserID: *told.Data[2].UserID, Role: coupon.UserRole})
	s.call(t, next, http.MethodGet, s.byID+"/timeline", nil).read(t, &mine)
	require.Len(t, mine.Data, 1)

	id := Prefix + "/coupons/" + job.Result.Coupons[0].ID.String()
	s.ann, s.byID = bob, id
	require.Equal(t, http.StatusOK, s.call(t, bob, http.MethodPost, id+"/redeem", map[string]any{"lock_token": s.lock(t, nil).LockToken}).status)
	require.Equal(t, "coupon_used", s.call(t, s.manager, http.MethodPost, id+"/revoke", why).problem.Code)
	s.lock(t, nil)
	require.Equal(t, "coupon_locked", s.call(t, s.manager, http.MethodPost, id+"/revoke", why).problem.Code)
	for range 2 {
		s.call(t, s.manager, http.MethodPost, id+"/void", why).read(t, &gone)
		require.Equal(t, coupon.Void, gone.State)
	}
	require.Equal(t, "coupon_void", s.call(t, bob, http.MethodPost, id+"/lock", nil).problem.Code)
	fixture.Verify(t, s.pool)
}

// Dates hold to the instant: nothing before the start, nothing from the end on,
// and the coupon shows as expired though nobody has swept.
func TestDatesAtTheTill(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	_, err := s.pool.Exec(t.Context(), `UPDATE books SET starts_at = clock_timestamp() + '1 hour'`)
	require.NoError(t, err)
	require.Equal(t, "book_not_started", s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{}).problem.Code)
	_, err = s.pool.Exec(t.Context(), `UPDATE books SET starts_at = NULL, ends_at = clock_timestamp()`)
	require.NoError(t, err)
	got := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{})
	require.Equal(t, "coupon_expired", got.problem.Code)
	require.Equal(t, http.StatusGone, got.status)
	var seen couponBody
	s.call(t, s.ann, http.MethodGet, s.byID, nil).read(t, &seen)
	require.Equal(t, coupon.Expired, seen.State)
}

// Metadata has a bound, and the bound is named.
func TestMetadataIsBounded(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	got := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"metadata": map[string]any{"x": strings.Repeat("x", coupon.MaxObject)}})
	require.Equal(t, "/metadata", got.problem.Errors[0].Pointer)
	require.Equal(t, http.StatusOK, s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{}).status)
}
