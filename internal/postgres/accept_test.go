package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/testdb"
)

func newClaims(book uuid.UUID, users []auth.Principal, key func(i int) string) []coupon.NewJob {
	claims := make([]coupon.NewJob, len(users))
	for i, user := range users {
		claims[i] = coupon.NewJob{
			ID: uuid.Must(uuid.NewV7()), Kind: coupon.ClaimJob, BookID: book, UserID: user.UserID,
			SubmitterID: user.UserID, IdempotencyKey: key(i), Fingerprint: []byte("f"), Total: 1,
		}
	}
	return claims
}

// A group for several books is stored in one go; places in a queue are in the
// order of arrival, although rows go in by key.
func TestAcceptKeepsTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	books := []coupon.Book{fixture.Book(t, pool, 0, 0), fixture.Book(t, pool, 0, 0)}
	users := fixture.Users(t, pool, 40)
	// Keys run against the order of arrival, books alternate.
	claims := newClaims(books[0].ID, users, func(i int) string { return fmt.Sprintf("%03d", 100-i) })
	for i := range claims {
		claims[i].BookID, claims[i].SubmitterID = books[i%2].ID, users[0].UserID
	}
	stored, err := store.AcceptClaims(t.Context(), claims)
	require.NoError(t, err)
	require.Len(t, stored, 40)
	for n, book := range books {
		group, err := store.OpenGroup(t.Context(), book.ID, 0, 100)
		require.NoError(t, err)
		require.Len(t, group.Claims, 20)
		for i, claim := range group.Claims {
			require.EqualValues(t, i+1, claim.Seq)
			require.Equal(t, claims[2*i+n].ID, claim.JobID)
		}
	}
}

// Groups that share keys, in opposite orders and of different books, do not
// deadlock: of each key one claim is stored.
func TestAcceptOfSharedKeys(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	users := fixture.Users(t, pool, 50)
	errs := make(chan error, 8)
	for n := range 8 {
		book := fixture.Book(t, pool, 0, 0)
		claims := newClaims(book.ID, users, func(int) string { return "same" })
		if n%2 == 1 {
			for i, j := 0, len(claims)-1; i < j; i, j = i+1, j-1 {
				claims[i], claims[j] = claims[j], claims[i]
			}
		}
		go func() {
			_, err := store.AcceptClaims(t.Context(), claims)
			errs <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-errs)
	}
	var stored int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM jobs`).Scan(&stored))
	require.Equal(t, 50, stored)
	fixture.Verify(t, pool)
}

// A row that Postgres refuses takes its whole group with it, and is told as
// such, so that the caller can look for it.
func TestAcceptRefusesBadRows(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	book := fixture.Book(t, pool, 0, 0)
	claims := newClaims(book.ID, fixture.Users(t, pool, 3), func(i int) string { return fmt.Sprint(i) })
	claims[1].Total = 0
	_, err := store.AcceptClaims(t.Context(), claims)
	require.True(t, postgres.IsData(err))
	claims[1].Total = 1
	_, err = store.AcceptClaims(t.Context(), claims)
	require.NoError(t, err)
	for i := range claims {
		claims[i].IdempotencyKey = ""
	}
	_, err = store.AcceptClaims(t.Context(), claims)
	require.True(t, postgres.IsStored(err), "the same ids again")
}

// Asking whether claims wait does not hide their first from a drainer that
// opens a group in the meantime.
func TestAskingLeavesTheHeadOfTheQueue(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	book := fixture.Book(t, pool, 0, 0)
	waiting, err := store.HasWaiting(t.Context(), book.ID)
	require.NoError(t, err)
	require.False(t, waiting)
	_, err = store.AcceptClaims(t.Context(), newClaims(book.ID, fixture.Users(t, pool, 2), func(int) string { return "" }))
	require.NoError(t, err)
	require.NoError(t, store.InTx(t.Context(), func(tx *postgres.Store) error {
		waiting, err := tx.HasWaiting(t.Context(), book.ID)
		require.NoError(t, err)
		require.True(t, waiting)
		group, err := store.OpenGroup(t.Context(), book.ID, 0, 100)
		require.NoError(t, err)
		require.Len(t, group.Claims, 2)
		return nil
	}))
}
