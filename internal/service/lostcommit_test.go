package service_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/tcpproxy"
	"couponbook/internal/testdb"
)

// cut puts a proxy between the product and Postgres, which swallows the first
// answer with the mark in it once it is armed.
func cut(t *testing.T, address, mark string) (*tcpproxy.Proxy, *pgxpool.Pool) {
	t.Helper()
	proxy, through, err := tcpproxy.Before(t.Context(), address, mark)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	return proxy, testdb.Open(t, through)
}

// newCutHouse is a house whose COMMITs can be cut, beside a connection that is
// not.
func newCutHouse(t *testing.T) (*house, *pgxpool.Pool, *tcpproxy.Proxy) {
	t.Helper()
	address := testdb.NewURL(t)
	proxy, pool := cut(t, address, tcpproxy.Commit)
	return newHouseOn(t, pool), testdb.Open(t, address), proxy
}

// The answer to the COMMIT of accepted claims is lost. They were stored; the
// API finds that out and answers 202 for each, and none of them is doubled.
func TestALostAnswerToAccept(t *testing.T) {
	t.Parallel()
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	proxy, pool := cut(t, address, "INSERT 0 1") // the tag of the insert, at the end of its transaction
	h := newHouseOn(t, pool)
	book := fixture.Book(t, plain, 40, 0)
	users := fixture.Users(t, plain, 20)
	for i, user := range users {
		proxy.Armed.Store(1)
		request := service.ClaimRequest{BookID: book.ID, Count: 1}
		if i%2 == 0 {
			request = keyed(book.ID, "key", "body")
		}
		got, err := h.claims.Submit(t.Context(), user, request)
		require.NoError(t, err)
		require.False(t, got.Replayed)
	}
	require.EqualValues(t, len(users), proxy.Cuts.Load(), "every answer was lost once")
	require.Equal(t, service.Drained{Granted: 20}, h.drain(t, book.ID))
	fixture.Verify(t, plain)
}

// The answer to the COMMIT of a drained group is lost. Its claims are decided;
// the drain goes on with the others and decides nothing twice.
func TestALostAnswerToDrain(t *testing.T) {
	t.Parallel()
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	book := fixture.Book(t, plain, 1500, 0)
	fixture.Queued(t, plain, book.ID, fixture.Users(t, plain, 1600), 1)

	proxy, pool := cut(t, address, tcpproxy.Commit)
	drainer := fixture.Drainer(postgres.NewStore(pool), fixture.Open{}, &fixture.Queue{})
	proxy.Armed.Store(1)
	_, err := drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, proxy.Cuts.Load())
	require.Equal(t, map[string]int{"succeeded": 1500, "sold_out": 100}, fixture.Outcomes(t, plain, book.ID))
	fixture.Verify(t, plain)
}

// Postgres away altogether: the claim is refused as something to try again,
// and nothing of it is left.
func TestNoPostgresNoPromise(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	user := fixture.User(t, h.pool, coupon.UserRole)
	_, err := h.pool.Exec(t.Context(), `ALTER TABLE jobs RENAME TO jobs_away`)
	require.NoError(t, err)
	_, err = h.claim(t, user, book.ID, 1)
	require.Error(t, err)
	_, err = h.pool.Exec(t.Context(), `ALTER TABLE jobs_away RENAME TO jobs`)
	require.NoError(t, err)
	require.Empty(t, fixture.Outcomes(t, h.pool, book.ID))
	_, err = h.claim(t, user, book.ID, 1)
	require.NoError(t, err)
}

// A bulk job was stored, and reading it for the answer fails: the client is told
// to repeat, not that there is no such job, and his key brings it.
func TestALostLookAfterASubmit(t *testing.T) {
	t.Parallel()
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	proxy, pool := cut(t, address, "generate_codes") // in the row that is read
	h := newHouseOn(t, pool)
	book := fixture.Book(t, plain, 0, 0)
	request := service.GenerateRequest{BookID: book.ID, Count: 10, Format: coupon.CodeFormat{AllowGuessable: true}, IdempotencyKey: "key", Fingerprint: []byte("one")}
	proxy.Armed.Store(1)
	_, err := h.service.SubmitGenerate(t.Context(), fixture.Owner(book), request)
	require.EqualValues(t, 1, proxy.Cuts.Load())
	require.NotErrorIs(t, err, coupon.ErrJobNotFound)
	require.True(t, service.IsTransient(err), "%v", err)
	got, err := h.service.SubmitGenerate(t.Context(), fixture.Owner(book), request)
	require.NoError(t, err)
	require.True(t, got.Replayed)
	fixture.Verify(t, plain)
}
