package service_test

import (
	"bytes"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// cutter stands between the product and Postgres. Once armed, it swallows the
// first answer that has the mark in it and cuts the connection: whatever the
// answer confirmed has happened, and the product does not know.
type cutter struct {
	armed atomic.Bool
	mark  []byte
	cuts  atomic.Int32
}

// newCutHouse is a house whose COMMITs can be cut, beside a connection that is
// not.
func newCutHouse(t *testing.T) (*house, *pgxpool.Pool, *cutter) {
	t.Helper()
	address := testdb.NewURL(t)
	cut := &cutter{mark: []byte("COMMIT\x00")}
	return newHouseOn(t, testdb.Open(t, cut.between(t, address))), testdb.Open(t, address), cut
}

// between returns the database's URL by way of the cutter.
func (c *cutter) between(t *testing.T, address string) string {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	upstream := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go c.serve(client, upstream)
		}
	}()
	target.Host = listener.Addr().String()
	return target.String()
}

func (c *cutter) serve(client net.Conn, upstream string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		defer func() { _ = server.Close() }()
		copyWhile(server, client, func([]byte) bool { return true })
	}()
	copyWhile(client, server, func(answer []byte) bool {
		if bytes.Contains(answer, c.mark) && c.armed.CompareAndSwap(true, false) {
			c.cuts.Add(1)
			return false
		}
		return true
	})
}

func copyWhile(to, from net.Conn, pass func([]byte) bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !pass(buffer[:n]) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// The answer to the COMMIT of accepted claims is lost. They were stored; the
// API finds that out and answers 202 for each, and none of them is doubled.
func TestALostAnswerToAccept(t *testing.T) {
	t.Parallel()
	cut := &cutter{mark: []byte("INSERT 0 1")} // the tag of the insert, at the end of its transaction
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	h := newHouseOn(t, testdb.Open(t, cut.between(t, address)))
	book := fixture.Book(t, plain, 40, 0)
	users := fixture.Users(t, plain, 20)
	for i, user := range users {
		cut.armed.Store(true)
		request := service.ClaimRequest{BookID: book.ID, Count: 1}
		if i%2 == 0 {
			request = keyed(book.ID, "key", "body")
		}
		got, err := h.claims.Submit(t.Context(), user, request)
		require.NoError(t, err)
		require.False(t, got.Replayed)
	}
	require.EqualValues(t, len(users), cut.cuts.Load(), "every answer was lost once")
	require.Equal(t, service.Drained{Granted: 20}, h.drain(t, book.ID))
	fixture.Verify(t, plain)
}

// The answer to the COMMIT of a drained group is lost. Its claims are decided;
// the drain goes on with the others and decides nothing twice.
func TestALostAnswerToDrain(t *testing.T) {
	t.Parallel()
	cut := &cutter{mark: []byte("COMMIT\x00")}
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	book := fixture.Book(t, plain, 1500, 0)
	fixture.Queued(t, plain, book.ID, fixture.Users(t, plain, 1600), 1)

	pool := testdb.Open(t, cut.between(t, address))
	drainer := service.NewDrainer(postgres.NewStore(pool), fixture.Open{}, &fixture.Queue{})
	cut.armed.Store(true)
	_, err := drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1, cut.cuts.Load())
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
	cut := &cutter{mark: []byte("generate_codes")} // in the row that is read
	address := testdb.NewURL(t)
	plain := testdb.Open(t, address)
	h := newHouseOn(t, testdb.Open(t, cut.between(t, address)))
	book := fixture.Book(t, plain, 0, 0)
	request := service.GenerateRequest{BookID: book.ID, Count: 10, Format: coupon.CodeFormat{AllowGuessable: true}, IdempotencyKey: "key", Fingerprint: []byte("one")}
	cut.armed.Store(true)
	_, err := h.service.SubmitGenerate(t.Context(), fixture.Owner(book), request)
	require.EqualValues(t, 1, cut.cuts.Load())
	require.NotErrorIs(t, err, coupon.ErrJobNotFound)
	require.True(t, service.IsTransient(err), "%v", err)
	got, err := h.service.SubmitGenerate(t.Context(), fixture.Owner(book), request)
	require.NoError(t, err)
	require.True(t, got.Replayed)
	fixture.Verify(t, plain)
}
