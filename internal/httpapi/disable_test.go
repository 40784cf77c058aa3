package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// A disabled coupon is nobody's to use and nobody's to get, whoever holds it;
// its manager says why, and can end it.
func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	why := map[string]any{"reason": "stolen"}
	change := func(path, what string) (got couponBody) {
		answer := s.call(t, s.manager, http.MethodPost, path+"/"+what, why)
		require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
		answer.read(t, &got)
		return got
	}
	stats := func() (got statsBody) {
		s.call(t, s.manager, http.MethodGet, bookPath(s.book, "/stats"), nil).read(t, &got)
		return got
	}
	require.NotNil(t, change(s.byID, "disable").DisabledAt)
	for _, use := range []string{"/lock", "/redeem"} {
		require.Equal(t, "coupon_disabled", s.call(t, s.ann, http.MethodPost, s.byID+use, map[string]any{}).problem.Code)
	}
	require.Equal(t, statsBody{Total: 5, Free: 4, Assigned: 1}, stats(), "it is held all the same")

	free := Prefix + "/coupons/" + list(t, s.house, s.manager, bookPath(s.book, "/coupons?state=UNASSIGNED"), codeOfCoupon)[0]
	change(free, "disable")
	require.Equal(t, statsBody{Total: 5, Free: 3, Disabled: 1, Assigned: 1}, stats())
	var job jobBody
	s.call(t, s.manager, http.MethodPost, free+"/assign", map[string]any{"user_id": fixture.User(t, s.pool, coupon.UserRole).UserID}, "Prefer", "wait=10").read(t, &job)
	require.Equal(t, "coupon_disabled", job.Error.Code)
	s.call(t, s.manager, http.MethodPost, s.byID+"/revoke", why)
	require.Equal(t, statsBody{Total: 5, Free: 3, Disabled: 2, Refused: 1}, stats(), "taken back, it stays disabled")
	for range 3 {
		s.call(t, s.person(t, coupon.UserRole), http.MethodPost, bookPath(s.book, "/claims"), nil, "Prefer", "wait=10").read(t, &job)
		require.Equal(t, coupon.Succeeded, job.Status)
	}
	require.Equal(t, "sold_out", s.call(t, s.person(t, coupon.UserRole), http.MethodPost, bookPath(s.book, "/claims"), nil).problem.Code)

	require.Nil(t, change(s.byID, "enable").DisabledAt)
	require.Equal(t, statsBody{Total: 5, Free: 1, Disabled: 1, Assigned: 3, Refused: 1}, stats())
	change(free, "void")
	require.Equal(t, statsBody{Total: 5, Free: 1, Void: 1, Assigned: 3, Refused: 1}, stats())
	require.Equal(t, "coupon_void", s.call(t, s.manager, http.MethodPost, free+"/disable", why).problem.Code)
	require.Equal(t, "/reason", s.call(t, s.manager, http.MethodPost, s.byID+"/disable", map[string]any{"reason": ""}).problem.Errors[0].Pointer)
	require.Equal(t, http.StatusForbidden, s.call(t, s.ann, http.MethodPost, s.byID+"/enable", why).status)
	fixture.Verify(t, s.pool)
}

// A code can have a start of its own; what its book's manager keeps with it is
// not its holder's to see.
func TestACodeOfItsOwnKind(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	_, job := s.send(t, s.manager, bookPath(s.book, "/codes/upload"), "text/csv",
		"code,starts_at,metadata.shop,user\nLATER,2099-01-01,Sol 3,"+s.coupon.UserID.String()+"\n")
	require.Equal(t, coupon.Succeeded, job.Status)
	path := Prefix + "/coupons/LATER"
	require.Equal(t, "coupon_not_started", s.call(t, s.ann, http.MethodPost, path+"/redeem", map[string]any{}).problem.Code)
	var mine, his couponBody
	s.call(t, s.manager, http.MethodGet, path, nil).read(t, &his)
	s.call(t, s.ann, http.MethodGet, path, nil).read(t, &mine)
	require.JSONEq(t, `{"shop": "Sol 3"}`, string(his.Metadata))
	require.Equal(t, job.Result.Import.BatchID, his.BatchID)
	require.Equal(t, "2099-01-01T00:00:00Z", mine.StartsAt.UTC().Format("2006-01-02T15:04:05Z"))
	var held page[couponBody]
	s.call(t, s.ann, http.MethodGet, Prefix+"/me/coupons", nil).read(t, &held)
	require.Len(t, held.Data, 2)
	for _, seen := range append(held.Data, mine) {
		require.Nil(t, seen.BatchID)
		require.Equal(t, "null", string(seen.Metadata))
	}
}
