//go:build long

package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/testdb"
)

// fill makes a book of n coupons, half of them assigned, one in a thousand redeemed.
func fill(t *testing.T, pool *pgxpool.Pool, n int) uuid.UUID {
	t.Helper()
	book := fixture.Book(t, pool, 0, 0)
	_, err := pool.Exec(t.Context(), `SET statement_timeout = 0`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		INSERT INTO coupons (id, book_id, batch_id, code, normalised, draw_rank, state, user_id, assigned_at, redemptions)
		SELECT gen_random_uuid(), $1::uuid, $1::uuid, code, code, n, state, CASE WHEN state <> 'UNASSIGNED' THEN $1::uuid END,
		       CASE WHEN state <> 'UNASSIGNED' THEN now() END, CASE state WHEN 'REDEEMED' THEN 1 ELSE 0 END
		FROM (SELECT n, upper(md5($2::text || n)) AS code, CASE WHEN n % 1000 = 0 THEN 'REDEEMED' WHEN n % 2 = 0 THEN 'ASSIGNED' ELSE 'UNASSIGNED' END AS state
		      FROM generate_series(1, $3::int) AS n) AS made`, book.ID, book.ID.String(), n)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE book_stock SET total = $2::int, free = $2::int / 2 WHERE book_id = $1`, book.ID, n)
	require.NoError(t, err)
	return book.ID
}

// A list of a book with a million coupons takes a page's time, not a book's:
// every filter, the first page and one in the middle, within ten times what
// they take in a book of a thousand; statistics too.
func TestListsOfAMillionCoupons(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	books := map[int]uuid.UUID{1000: fill(t, pool, 1000), 1_000_000: fill(t, pool, 1_000_000)}
	_, err := pool.Exec(t.Context(), `VACUUM ANALYZE coupons`)
	require.NoError(t, err)
	fastest := func(look func(context.Context) error) time.Duration {
		best := time.Hour
		for range 20 {
			began := time.Now()
			require.NoError(t, look(t.Context()))
			best = min(best, time.Since(began))
		}
		return best
	}
	redeemed, void := coupon.Redeemed, coupon.Void
	for name, filter := range map[string]coupon.StockFilter{
		"everything": {}, "redeemed": {State: &redeemed}, "void, of which there are none": {State: &void},
		"a prefix": {Prefix: "AB"}, "a prefix of the redeemed": {Prefix: "A", State: &redeemed}, "no such code": {Prefix: "ZZ"},
		"a batch": {BatchID: new(uuid.UUID)}, "the redeemed of a batch": {BatchID: new(uuid.UUID), State: &redeemed},
		"a prefix in a batch": {BatchID: new(uuid.UUID), Prefix: "AB"},
	} {
		took := map[int]time.Duration{}
		for size, book := range books {
			if filter.BatchID != nil {
				filter.BatchID = &book // fill makes one batch of each book
			}
			first, err := store.CouponsIn(t.Context(), book, filter, 50)
			require.NoError(t, err)
			took[size] = fastest(func(ctx context.Context) error {
				later := filter
				if len(first) == 50 {
					later.After = &first[49].Coupon.ID
				}
				_, err := store.CouponsIn(ctx, book, later, 50)
				return err
			})
		}
		t.Logf("%s: %v of a thousand, %v of a million", name, took[1000], took[1_000_000])
		require.Less(t, took[1_000_000], 10*max(took[1000], time.Millisecond), name)
	}
	took := map[int]time.Duration{}
	for size, book := range books {
		took[size] = fastest(func(ctx context.Context) error { _, err := store.BookStats(ctx, book); return err })
	}
	t.Logf("statistics: %v of a thousand, %v of a million", took[1000], took[1_000_000])
	require.Less(t, took[1_000_000], 10*max(took[1000], time.Millisecond))
}
