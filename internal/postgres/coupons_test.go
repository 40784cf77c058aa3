package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/testdb"
)

// SQL and package coupon say the same of every coupon's present state: of each
// state that is written, with and without an own end, a book's end and a lock,
// all of them past and to come.
func TestThePresentState(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	who := fixture.User(t, pool, coupon.UserRole)
	for _, ends := range []string{"NULL", "now() - interval '1 hour'", "now() + interval '1 hour'"} {
		book := fixture.Book(t, pool, 0, 0)
		_, err := pool.Exec(t.Context(), `UPDATE books SET ends_at = `+ends+` WHERE id = $1`, book.ID)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `
			INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, state, user_id, assigned_at, expires_at,
			                     redemptions, lock_id, locked_by, locked_at, locked_until)
			SELECT id, $1, $1, id::text, id::text, 1, state, CASE WHEN state <> 'UNASSIGNED' THEN $2::uuid END,
			       CASE WHEN state <> 'UNASSIGNED' THEN now() END, now() + own, CASE state WHEN 'REDEEMED' THEN 1 ELSE 0 END,
			       CASE state WHEN 'LOCKED' THEN id END, CASE state WHEN 'LOCKED' THEN id END,
			       CASE state WHEN 'LOCKED' THEN now() END, CASE state WHEN 'LOCKED' THEN now() + lock END
			FROM (SELECT gen_random_uuid() AS id, *
			      FROM unnest($3::text[]) AS state, unnest(ARRAY[NULL, interval '-1 hour', interval '1 hour']) AS own,
			           unnest(ARRAY[interval '-1 hour', interval '1 hour']) AS lock) AS made`, book.ID, who.UserID, coupon.States)
		require.NoError(t, err)
	}
	everything, err := store.CouponsOf(t.Context(), who.UserID, coupon.HeldFilter{}, 1000)
	require.NoError(t, err)
	require.Len(t, everything, 3*5*3*2)
	want := map[coupon.State]map[uuid.UUID]bool{}
	for _, till := range everything {
		state := till.Settled().Expire().Coupon.State
		if want[state] == nil {
			want[state] = map[uuid.UUID]bool{}
		}
		want[state][till.Coupon.ID] = true
	}
	counts, err := store.CountCouponsOf(t.Context(), who.UserID, nil)
	require.NoError(t, err)
	require.Len(t, counts, 5)
	for state, ids := range want {
		require.Equal(t, len(ids), counts[state])
		listed, err := store.CouponsOf(t.Context(), who.UserID, coupon.HeldFilter{State: &state}, 1000)
		require.NoError(t, err)
		require.Len(t, listed, len(ids))
		for _, till := range listed {
			require.True(t, ids[till.Coupon.ID], state)
		}
	}
}
