package service_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

func keyed(book uuid.UUID, key, body string) service.ClaimRequest {
	return service.ClaimRequest{BookID: book, Count: 1, IdempotencyKey: key, Fingerprint: []byte(body)}
}

// One key, a hundred times at once, through two API processes: one job.
func TestOneKeyOneJob(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	apis := []*house{newHouseOn(t, pool), newHouseOn(t, pool)}
	book := fixture.Book(t, pool, 50, 0)
	user := fixture.User(t, pool, coupon.UserRole)
	ids, fresh := make([]uuid.UUID, 100), make([]bool, 100)
	together(100, func(i int) {
		got, err := apis[i%2].claims.Submit(t.Context(), user, keyed(book.ID, "once", "body"))
		require.NoError(t, err)
		ids[i], fresh[i] = got.Job.ID, !got.Replayed
	})
	accepted := 0
	for i := range ids {
		require.Equal(t, ids[0], ids[i])
		if fresh[i] {
			accepted++
		}
	}
	require.Equal(t, 1, accepted, "one request was accepted, the others were answered with its job")
	require.Equal(t, service.Drained{Granted: 1}, apis[0].drain(t, book.ID))
	fixture.Verify(t, pool)
}

// A key that comes with another request is refused, whether its job waits, has
// ended, or the book is sold out; and it is the submitter's own.
func TestAKeyBelongsToItsRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	users := fixture.Users(t, h.pool, 2)
	_, err := h.claims.Submit(t.Context(), users[0], keyed(book.ID, "k", "one"))
	require.NoError(t, err)
	other := func() error {
		_, err := h.claims.Submit(t.Context(), users[0], keyed(book.ID, "k", "two"))
		return err
	}
	require.ErrorIs(t, other(), coupon.ErrKeyReused, "while it waits")
	h.drain(t, book.ID)
	require.ErrorIs(t, other(), coupon.ErrKeyReused, "sold out, before the latch is shut")
	require.ErrorIs(t, other(), coupon.ErrKeyReused, "sold out, behind the latch")
	_, err = h.claims.Submit(t.Context(), users[1], keyed(book.ID, "k", "two"))
	require.ErrorIs(t, err, coupon.ErrSoldOut, "another submitter's key is another key")
}

// All winners ask again with their keys after everything is sold, before and
// behind the latch, after a pause and after the book has closed: each gets his
// own coupon again, and a loser his refusal.
func TestWinnersAskAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 30, 0)
	users := fixture.Users(t, h.pool, 40)
	ask := func(user int) (service.Submission, error) {
		return h.claims.Submit(t.Context(), users[user], keyed(book.ID, fmt.Sprint(user), "body"))
	}
	for i := range users {
		_, err := ask(i)
		require.NoError(t, err)
	}
	h.drain(t, book.ID)
	codes := map[string]bool{}
	again := func() {
		for i := range users {
			got, err := ask(i)
			require.NoError(t, err)
			require.True(t, got.Replayed)
			if i < 30 {
				require.Len(t, got.Job.Coupons, 1)
				codes[got.Job.Coupons[0].Code] = true
			} else {
				require.Equal(t, "sold_out", *got.Job.ErrorCode)
			}
		}
	}
	again()
	_, err := h.claim(t, users[0], book.ID, 1) // shuts the latch
	require.ErrorIs(t, err, coupon.ErrSoldOut)
	again()
	other := newHouseOn(t, h.pool) // a process whose latch is open
	h.claims = other.claims
	for _, status := range []coupon.BookStatus{coupon.Paused, coupon.Closed} {
		_, err = h.service.MoveBook(t.Context(), fixture.Owner(book), book.ID, status)
		require.NoError(t, err)
		again()
	}
	require.Len(t, codes, 30)
	fixture.Verify(t, h.pool)
}

// Behind the latch nothing is stored and no key is used up: when coupons come
// back, the latch opens and the same key wins.
func TestTheLatch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	users := fixture.Users(t, h.pool, 2)
	_, err := h.claim(t, users[0], book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	for range 2 { // the first shuts it, the second meets it shut
		_, err = h.claims.Submit(t.Context(), users[1], keyed(book.ID, "later", "body"))
		require.ErrorIs(t, err, coupon.ErrSoldOut)
	}
	require.NoError(t, h.claims.RefreshLatch(t.Context()))
	_, err = h.claims.Submit(t.Context(), users[1], keyed(book.ID, "later", "body"))
	require.ErrorIs(t, err, coupon.ErrSoldOut, "nothing came back yet")

	fixture.Codes(t, h.pool, fixture.Owner(book), book.ID, 1)
	require.NoError(t, h.claims.RefreshLatch(t.Context()))
	_, err = h.claims.Submit(t.Context(), users[1], keyed(book.ID, "later", "body"))
	require.NoError(t, err)
	h.drain(t, book.ID)
	require.Equal(t, map[string]int{"succeeded": 2}, fixture.Outcomes(t, h.pool, book.ID))
	fixture.Verify(t, h.pool)
}

// A plain user cannot make users, not even in a claim that is refused.
func TestRefusedClaimsMakeNoUsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	for _, who := range []auth.Principal{fixture.User(t, h.pool, coupon.UserRole), fixture.User(t, h.pool, coupon.Manager)} {
		_, err := h.claims.Submit(t.Context(), who, service.ClaimRequest{
			BookID: book.ID, For: coupon.UserRef{Email: "new@example.com"}, CreateMissing: true, Count: 1,
		})
		require.ErrorIs(t, err, coupon.ErrBookNotFound, "it is neither his book nor a claim for himself")
	}
	_, err := h.store.UserByEmail(t.Context(), "new@example.com")
	require.ErrorIs(t, err, coupon.ErrUserNotFound)
}

// The answer to the COMMIT of a change is lost, and with it the API's answer:
// whoever asks again under his key gets it, and what he asked for happened once.
// Bells ring only after a COMMIT that is known.
func TestAChangeWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	h, plain, proxy := newCutHouse(t)
	manager := fixture.User(t, plain, coupon.Manager)
	keys := service.NewKeyed(service.UseCases{
		Service: h.service, Webhooks: h.webhooks, Accounts: service.NewAccountsOffline(h.store, nil),
	})
	create := func() (book coupon.Book, replayed bool, err error) {
		replayed, err = keys.Do(t.Context(), manager, service.Once{Key: "key", Fingerprint: []byte("one")}, &book, func(in service.UseCases) (err error) {
			if book, err = in.Service.CreateBook(t.Context(), manager, coupon.NewSettings("Mine")); err == nil {
				book, err = in.Service.MoveBook(t.Context(), manager, book.ID, coupon.Active)
			}
			return err
		})
		return book, replayed, err
	}
	proxy.Armed.Store(1)
	_, _, err := create()
	require.Error(t, err)
	require.True(t, service.IsTransient(err), "the client is told to repeat")
	h.service.Close()
	require.Empty(t, h.queue.Rung)
	first, replayed, err := create()
	require.NoError(t, err)
	require.True(t, replayed)
	again, replayed, err := create()
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first, again)
	require.Equal(t, coupon.Active, first.Status)
	var books int
	require.NoError(t, plain.QueryRow(t.Context(), `SELECT count(*) FROM books`).Scan(&books))
	require.Equal(t, 1, books)

	_, err = keys.Do(t.Context(), manager, service.Once{Key: "pause", Fingerprint: []byte("two")}, &first, func(in service.UseCases) (err error) {
		first, err = in.Service.MoveBook(t.Context(), manager, first.ID, coupon.Paused)
		h.service.Close()
		require.Empty(t, h.queue.Rung, "not before it is committed")
		return err
	})
	require.NoError(t, err)
	h.service.Close()
	require.Len(t, h.queue.Rung, 1)
}
