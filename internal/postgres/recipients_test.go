package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// A part of a distribution looks up the counters of its recipients, and no
// others, though the statistics are from before the book had any. A join read
// all of them for each recipient.
func TestAPartReadsItsOwnCounters(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	const others, recipients = 20_000, 100
	fixture.Book(t, pool, 0, 0)
	book := fixture.Book(t, pool, 0, 0)
	users := fixture.Users(t, pool, others)
	count := func(book uuid.UUID, n int) {
		_, err := pool.Exec(t.Context(), `INSERT INTO book_user_limits (book_id, user_id, used) SELECT $1, id, 1 FROM users LIMIT $2`, book, n)
		require.NoError(t, err)
	}
	count(uuid.Nil, others)
	_, err := pool.Exec(t.Context(), `ANALYZE book_user_limits`)
	require.NoError(t, err)
	count(book.ID, others)

	owner := fixture.Owner(book)
	submitted, err := service.New(postgres.NewStore(pool), &fixture.Queue{}).SubmitDistribution(t.Context(), owner, service.DistributionRequest{
		PoolID: fixture.Pool(t, pool, owner, users[:recipients]).ID, BookID: book.ID,
		Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
	})
	require.NoError(t, err)
	job := submitted.Job.ID
	_, err = pool.Exec(t.Context(), `UPDATE distributions SET members = $2, level = 1, extras = 0, coupons = $2 WHERE job_id = $1`, job, recipients)
	require.NoError(t, err)
	for i, user := range users[:recipients] {
		_, err = pool.Exec(t.Context(), `
			INSERT INTO distribution_rows (job_id, n, user_id, capacity, draw) VALUES ($1, $2, $3, 1, gen_random_uuid())`, job, i+1, user.UserID)
		require.NoError(t, err)
	}

	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	read := func() (rows int) {
		_, err := conn.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`)
		require.NoError(t, err)
		require.NoError(t, conn.QueryRow(t.Context(), `
			SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'book_user_limits'`).Scan(&rows))
		return rows
	}
	before := read()
	run := postgres.BulkRun{ID: job, BookID: book.ID}
	turn, err := postgres.NewStoreOn(conn).OpenTurn(t.Context(), run, postgres.Distribution{JobID: job}, postgres.Span{To: recipients})
	require.NoError(t, err)
	require.Len(t, turn.Recipients, recipients)
	for _, r := range turn.Recipients {
		require.Equal(t, coupon.Recipient{N: r.N, UserID: r.UserID, Planned: 1, Used: 1}, r)
	}
	require.LessOrEqual(t, read()-before, recipients)
}
