package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// my is the answer of me/coupons.
type my struct {
	page[couponBody]
	Counts map[coupon.State]int `json:"counts"`
}

// list reads all pages of a list, one item each, and requires that none
// comes twice.
func list[B any](t *testing.T, h *house, credential, path string, id func(B) string) (ids []string) {
	t.Helper()
	query := url.Values{"limit": {"1"}}
	for {
		var got page[B]
		answer := h.call(t, credential, http.MethodGet, path+"&"+query.Encode(), nil)
		require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
		answer.read(t, &got)
		for _, item := range got.Data {
			require.NotContains(t, ids, id(item))
			ids = append(ids, id(item))
		}
		if got.NextCursor == nil {
			return ids
		}
		query.Set("cursor", *got.NextCursor)
	}
}

func codeOfCoupon(c couponBody) string { return c.Code }

// My coupons: what can be used comes first, the one that ends soonest before
// the others; counts and filters go by the state that holds now, whether or
// not a sweeper has been there.
func TestMyCoupons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 0, 0), fixture.Book(t, h.pool, 1, 0)
	ann := fixture.User(t, h.pool, coupon.UserRole)
	_, err := h.pool.Exec(t.Context(), `
		INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, state, user_id, assigned_at, expires_at,
		                     redemptions, lock_id, locked_by, locked_at, locked_until)
		SELECT gen_random_uuid(), $1, $1, code, code, 1, state, $2, now(), now() + ends::interval, uses,
		       lock, who, locked, locked + held::interval
		FROM (VALUES
			('FOREVER', 'ASSIGNED', NULL, 0, NULL::uuid, NULL::uuid, NULL::timestamptz, NULL),
			('LATER', 'ASSIGNED', '2 hours', 0, NULL, NULL, NULL, NULL),
			('SOON', 'LOCKED', '1 hour', 0, gen_random_uuid(), $2, now() - interval '1 minute', '1 hour'),
			('LOCK-OVER', 'LOCKED', '3 hours', 0, gen_random_uuid(), $2, now() - interval '1 minute', '1 second'),
			('OVER', 'LOCKED', '-1 hour', 0, gen_random_uuid(), $2, now() - interval '1 minute', '1 hour'),
			('USED', 'REDEEMED', '-2 hours', 1, NULL, NULL, NULL, NULL),
			('DEAD', 'VOID', '9 hours', 0, NULL, NULL, NULL, NULL)
		) AS made (code, state, ends, uses, lock, who, locked, held)`, book.ID, ann.UserID)
	require.NoError(t, err)
	me := h.token(t, ann)
	h.call(t, me, http.MethodPost, bookPath(other, "/claims"), nil, "Prefer", "wait=10")

	var got my
	h.call(t, me, http.MethodGet, Prefix+"/me/coupons?book_id="+book.ID.String(), nil).read(t, &got)
	codes := []string{}
	for _, c := range got.Data {
		codes = append(codes, c.Code)
	}
	require.Equal(t, []string{"SOON", "LATER", "LOCK-OVER", "FOREVER", "USED", "OVER", "DEAD"}, codes)
	require.Equal(t, map[coupon.State]int{"ASSIGNED": 3, "LOCKED": 1, "EXPIRED": 1, "REDEEMED": 1, "VOID": 1}, got.Counts)
	require.Equal(t, codes, list(t, h, me, Prefix+"/me/coupons?book_id="+book.ID.String(), codeOfCoupon))
	require.Len(t, list(t, h, me, Prefix+"/me/coupons?", codeOfCoupon), 8)
	for state, want := range map[coupon.State][]string{
		coupon.Assigned: {"LATER", "LOCK-OVER", "FOREVER"}, coupon.Locked: {"SOON"}, coupon.Expired: {"OVER"},
		coupon.Redeemed: {"USED"}, coupon.Void: {"DEAD"},
	} {
		path := Prefix + "/me/coupons?book_id=" + book.ID.String() + "&state=" + string(state)
		require.Equal(t, want, list(t, h, me, path, func(c couponBody) string {
			require.Equal(t, state, c.State)
			return c.Code
		}))
	}
	require.Empty(t, list(t, h, h.person(t, coupon.UserRole), Prefix+"/me/coupons?", codeOfCoupon))
	require.Equal(t, "book_id", h.call(t, me, http.MethodGet, Prefix+"/me/coupons?book_id=x", nil).problem.Errors[0].Pointer)
	require.Equal(t, 422, h.call(t, me, http.MethodGet, Prefix+"/me/coupons?state=LOST", nil).status)
	require.Equal(t, "cursor", h.call(t, me, http.MethodGet, Prefix+"/me/coupons?cursor=x", nil).problem.Errors[0].Pointer)
}

// A book's coupons come in the order of their codes, by state and by how the
// code begins, whatever its spelling; a state that has not been written down
// yet is not listed under the old one.
func TestBookCoupons(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	another := fixture.Book(t, s.pool, 3, 0)
	codes := list(t, s.house, s.manager, bookPath(s.book, "/coupons?"), codeOfCoupon)
	require.Len(t, codes, 5)
	sorted := slices.Clone(codes)
	slices.SortFunc(sorted, func(a, b string) int {
		if coupon.Normalise(a) < coupon.Normalise(b) {
			return -1
		}
		return 1
	})
	require.Equal(t, sorted, codes)
	require.Equal(t, []string{s.coupon.Code}, list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=ASSIGNED"), codeOfCoupon))
	require.Len(t, list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=UNASSIGNED"), codeOfCoupon), 4)
	prefix := url.QueryEscape(" " + codes[2][:6] + "_")
	require.Contains(t, list(t, s.house, s.manager, bookPath(s.book, "/coupons?prefix="+prefix), codeOfCoupon), codes[2])
	require.Empty(t, list(t, s.house, s.manager, bookPath(s.book, "/coupons?prefix=UUUU"), codeOfCoupon))

	s.lock(t, nil)
	require.Equal(t, []string{s.coupon.Code}, list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=LOCKED"), codeOfCoupon))
	_, err := s.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() WHERE state = 'LOCKED'`)
	require.NoError(t, err)
	require.Empty(t, list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=LOCKED"), codeOfCoupon))
	require.Equal(t, 404, s.call(t, s.manager, http.MethodGet, bookPath(another, "/coupons"), nil).status)
	require.Equal(t, 404, s.call(t, s.manager, http.MethodGet, bookPath(another, "/redemptions"), nil).status)
	require.Equal(t, 422, s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/coupons?cursor=x"), nil).status)
	require.Equal(t, 422, s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/redemptions?cursor=x"), nil).status)
}

// The manager sees every use, what was taken back, and every try that was
// refused with its reason, also a stranger's. Statistics agree, and cost no
// look at the coupons.
func TestUsesAndRefusedTries(t *testing.T) {
	t.Parallel()
	s := newShop(t, `rollback_window = '1 hour', max_redemptions = 2`)
	redeem := func(order string) (done redeemed) {
		lock := s.lock(t, nil)
		s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"lock_token": lock.LockToken, "order_ref": order}).read(t, &done)
		return done
	}
	s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{"order_ref": "A-0"})
	first, second := redeem("A-1"), redeem("A-2")
	s.call(t, s.person(t, coupon.UserRole), http.MethodPost, s.inWords+"/lock", nil)
	s.call(t, s.manager, http.MethodPost, Prefix+"/redemptions/"+first.Redemption.ID.String()+"/rollback", map[string]any{"reason": "sent back"})

	var got page[useBody]
	s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/redemptions"), nil).read(t, &got)
	require.Len(t, got.Data, 4)
	stranger, two, one, early := got.Data[0], got.Data[1], got.Data[2], got.Data[3]
	require.Equal(t, coupon.UseRefused, stranger.Outcome)
	require.Equal(t, "coupon_unavailable", *stranger.Reason)
	require.Equal(t, "lock", *stranger.Action)
	require.Equal(t, second.Redemption.ID, two.ID)
	require.Equal(t, coupon.UseRedeemed, two.Outcome)
	require.Equal(t, "A-2", *two.OrderRef)
	require.Equal(t, coupon.UseRolledBack, one.Outcome)
	require.Equal(t, "sent back", *one.Reason)
	require.NotNil(t, one.RolledBackAt)
	require.Equal(t, "lock_required", *early.Reason)
	require.Equal(t, s.coupon.Code, early.Code)
	id := func(u useBody) string { return u.ID.String() }
	require.Len(t, list(t, s.house, s.manager, bookPath(s.book, "/redemptions?"), id), 4)
	for outcome, n := range map[coupon.UseOutcome]int{"redeemed": 1, "rolled_back": 1, "refused": 2} {
		require.Len(t, list(t, s.house, s.manager, bookPath(s.book, "/redemptions?outcome="+string(outcome)), id), n)
	}

	var stats statsBody
	s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/stats"), nil).read(t, &stats)
	require.Equal(t, statsBody{Total: 5, Free: 4, Assigned: 1, Redemptions: 2, Rollbacks: 1}, stats)
	redeem("A-3")
	_, err := s.pool.Exec(t.Context(), `UPDATE book_stock SET total = total`)
	require.NoError(t, err)
	s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/stats"), nil).read(t, &stats)
	require.Equal(t, statsBody{Total: 5, Free: 4, Redeemed: 1, Redemptions: 3, Rollbacks: 1}, stats)
	fixture.Verify(t, s.pool)
}

// Activity tells a manager of his books, hour by hour, and an admin of all.
func TestActivity(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	used := s.call(t, s.ann, http.MethodPost, s.byID+"/redeem", map[string]any{})
	require.Equal(t, http.StatusOK, used.status, "%s", used.body)
	fixture.CountActivity(t, s.pool)
	read := func(credential, path string) (sum activityBody) {
		var got struct{ Data []activityBody }
		answer := s.call(t, credential, http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
		answer.read(t, &got)
		for _, hour := range got.Data {
			require.Equal(t, hour.Hour.Truncate(time.Hour), hour.Hour)
			sum.Granted += hour.Granted
			sum.Redeemed += hour.Redeemed
		}
		return sum
	}
	done := activityBody{Granted: 1, Redeemed: 1}
	require.Equal(t, done, read(s.manager, bookPath(s.book, "/activity")))
	require.Equal(t, done, read(s.manager, Prefix+"/activity"))
	require.Equal(t, done, read(s.person(t, coupon.Admin), Prefix+"/activity"))
	require.Zero(t, read(s.person(t, coupon.Manager), Prefix+"/activity"), "another manager has none")
	require.Zero(t, read(s.manager, Prefix+"/activity?to="+time.Now().Add(-48*time.Hour).UTC().Format(time.RFC3339)))
	for query, pointer := range map[string]string{
		"from=2026-03-01T00:00:00Z&to=2026-03-01T00:00:00Z": "to",
		"from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z": "from",
	} {
		answer := s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/activity?"+query), nil)
		require.Equal(t, http.StatusUnprocessableEntity, answer.status, "%s", answer.body)
		require.Equal(t, pointer, answer.problem.Errors[0].Pointer)
	}
}

// Stock tells a manager what his open books have left, the scarcest first.
func TestStock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	plenty, scarce, over := fixture.Book(t, h.pool, 10, 0), fixture.Book(t, h.pool, 10, 0), fixture.Book(t, h.pool, 10, 0)
	_, err := h.pool.Exec(t.Context(), `UPDATE books SET owner_id = $1`, plenty.OwnerID)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE books SET low_stock_percent = 30, ends_at = now() + interval '1 hour', ending_soon = '2 hours' WHERE id = $1`, scarce.ID)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE book_stock SET free = 3 WHERE book_id = $1`, scarce.ID)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE books SET status = 'paused' WHERE id = $1`, over.ID)
	require.NoError(t, err)
	read := func(credential string) []stockBody {
		var got struct{ Data []stockBody }
		h.call(t, credential, http.MethodGet, Prefix+"/stock", nil).read(t, &got)
		return got.Data
	}
	got := read(h.token(t, fixture.Owner(plenty)))
	require.Len(t, got, 2)
	require.Equal(t, scarce.ID, got[0].BookID)
	require.True(t, got[0].Low && got[0].EndingSoon)
	require.Equal(t, stockBody{BookID: plenty.ID, Name: plenty.Name, Total: 10, Free: 10}, got[1])
	require.Len(t, read(h.person(t, coupon.Admin)), 2)
	require.Empty(t, read(h.person(t, coupon.Manager)))
}

// Sales: open ones first, then by start; drafts, paused and archived ones are
// not listed, but a link to one says where it stands.
func TestSales(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person(t, coupon.UserRole)
	names := map[string]string{
		"open": `status = 'active'`, "coming": `starts_at = now() + interval '1 hour'`, "later": `starts_at = now() + interval '2 hours'`,
		"paused": `status = 'paused'`, "over": `ends_at = now()`, "closed": `status = 'closed'`,
	}
	books := map[string]coupon.Book{}
	for name, change := range names {
		books[name] = fixture.Book(t, h.pool, 1, 1)
		_, err := h.pool.Exec(t.Context(), `UPDATE books SET name = $2, `+change+` WHERE id = $1`, books[name].ID, name)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"open", "coming", "later"}, list(t, h, ann, Prefix+"/sales?", func(s saleBody) string { return s.Name }))
	sale := func(name string) (got saleBody) {
		h.call(t, ann, http.MethodGet, Prefix+"/sales/"+books[name].ID.String(), nil).read(t, &got)
		return got
	}
	for name, phase := range map[string]coupon.SalePhase{
		"open": "open", "coming": "coming", "later": "coming", "paused": "paused", "over": "ended", "closed": "ended",
	} {
		require.Equal(t, phase, sale(name).Phase, name)
	}
	require.WithinDuration(t, time.Now(), sale("open").Now, time.Minute)
	h.call(t, ann, http.MethodPost, bookPath(books["open"], "/claims"), nil, "Prefer", "wait=10")
	require.Equal(t, coupon.SaleSoldOut, sale("open").Phase)
	require.Equal(t, 1, sale("open").Held)
	draft, err := h.service.CreateBook(t.Context(), fixture.Owner(books["open"]), coupon.NewSettings("Draft"))
	require.NoError(t, err)
	require.Equal(t, "book_not_found", h.call(t, ann, http.MethodGet, Prefix+"/sales/"+draft.ID.String(), nil).problem.Code)
	require.Equal(t, 422, h.call(t, ann, http.MethodGet, Prefix+"/sales?cursor=x", nil).status)
}

// A chosen coupon goes to one person through the queue, once; a second assign,
// a limit and somebody else's coupon are clean refusals.
func TestAssign(t *testing.T) {
	t.Parallel()
	s := newShop(t, `max_assignments_per_user = 1, valid_for = '1 hour'`)
	codes := list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=UNASSIGNED"), codeOfCoupon)
	ben := fixture.User(t, s.pool, coupon.UserRole)
	assign := func(code string, body any, headers ...string) (job jobBody) {
		got := s.call(t, s.manager, http.MethodPost, Prefix+"/coupons/"+code+"/assign", body, append(headers, "Prefer", "wait=10")...)
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		got.read(t, &job)
		require.Equal(t, coupon.AssignJob, job.Kind)
		require.True(t, job.Done)
		return job
	}
	to := map[string]any{"user_id": ben.UserID}
	job := assign(codes[0], to, "Idempotency-Key", "k")
	require.Equal(t, codes[0], job.Result.Coupons[0].Code)
	require.Equal(t, job.Result.Coupons[0].ID, *job.CouponID)
	require.WithinDuration(t, time.Now().Add(time.Hour), *job.Result.Coupons[0].ExpiresAt, time.Minute)
	require.Equal(t, job.ID, assign(codes[0], to, "Idempotency-Key", "k").ID)
	require.Equal(t, "coupon_taken", assign(codes[0], map[string]any{"user": map[string]any{"external_id": "c-1"}, "create_missing": true}).Error.Code)
	full := assign(codes[1], to)
	require.Equal(t, "limit_reached", full.Error.Code)
	require.Equal(t, codes[0], full.Error.Coupons[0].Code)
	require.Equal(t, coupon.Succeeded, assign(codes[1], map[string]any{"user": map[string]any{"external_id": "c-1"}}).Status)

	for _, who := range []string{s.ann, s.person(t, coupon.Manager)} {
		got := s.call(t, who, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign", to)
		require.Contains(t, []int{403, 404}, got.status)
	}
	require.Equal(t, "coupon_not_found", s.call(t, s.person(t, coupon.Admin), http.MethodPost, Prefix+"/coupons/NOPE-NOPE/assign", to).problem.Code)
	require.Equal(t, "idempotency_key_reused", s.call(t, s.manager, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign", to, "Idempotency-Key", "k").problem.Code)
	require.Equal(t, "user_not_found", s.call(t, s.manager, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign",
		map[string]any{"user": map[string]any{"external_id": "nobody"}}).problem.Code)
	require.Equal(t, 422, s.call(t, s.manager, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign", to, "Idempotency-Key", "a key").status)
	require.Equal(t, 422, s.call(t, s.manager, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign",
		map[string]any{"user": map[string]any{}}).status)
	key, _ := s.key(t, coupon.Admin, auth.CouponsWrite)
	require.Equal(t, http.StatusAccepted, s.call(t, key, http.MethodPost, Prefix+"/coupons/"+codes[2]+"/assign",
		map[string]any{"user": map[string]any{"external_id": "c-2"}, "create_missing": true}).status)
	fixture.Verify(t, s.pool)
}

// With two API processes, what one writes holds for the next request on the
// other: a pause stops the till, an activation opens it again.
func TestPauseHoldsEverywhere(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = true`)
	other := newHouseOn(t, s.pool)
	for _, step := range []struct{ move, want string }{{"/pause", "book_not_active"}, {"/activate", ""}, {"/pause", "book_not_active"}} {
		require.Equal(t, http.StatusOK, s.call(t, s.manager, http.MethodPost, bookPath(s.book, step.move), nil).status)
		require.Equal(t, step.want, other.call(t, s.ann, http.MethodPost, s.byID+"/lock", map[string]any{"order_ref": "A"}).problem.Code)
	}
}
