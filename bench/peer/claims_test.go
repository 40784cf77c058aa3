package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// Every design gives out each code once, keeps to the limit of a user, and
// writes the rows that the product writes.
func TestPeersAreCorrect(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, *pgxpool.Pool) service.Submitter{
		"synchronous":   func(_ *testing.T, pool *pgxpool.Pool) service.Submitter { return claims{pool, synchronous} },
		"advisory-lock": func(_ *testing.T, pool *pgxpool.Pool) service.Submitter { return claims{pool, advisoryLock} },
		"river": func(t *testing.T, pool *pgxpool.Pool) service.Submitter {
			t.Helper()
			ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
			river, err := newRiverClaims(ctx, pool, 8)
			require.NoError(t, err)
			t.Cleanup(func() {
				stop()
				<-river.client.Stopped()
			})
			return river
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := testdb.New(t)
			design := start(t, pool)
			book := fixture.Book(t, pool, 20, 2)
			greedy := fixture.User(t, pool, coupon.UserRole)
			var all sync.WaitGroup
			for i := range 60 {
				who := greedy
				if i >= 30 {
					who = fixture.User(t, pool, coupon.UserRole)
				}
				all.Go(func() { claimOnce(t, design, who, book.ID, fmt.Sprint(i)) })
			}
			all.Wait()
			count := func(what string, args ...any) (n int) {
				require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM `+what, args...).Scan(&n))
				return n
			}
			granted := func() int { return count(`coupons WHERE book_id = $1 AND state = 'ASSIGNED'`, book.ID) }
			require.Eventually(t, func() bool { return granted() == 20 }, 20*time.Second, 20*time.Millisecond)
			require.Equal(t, 20, count(`(SELECT DISTINCT id FROM coupons WHERE book_id = $1 AND user_id IS NOT NULL) c`, book.ID))
			require.LessOrEqual(t, count(`coupons WHERE user_id = $1`, greedy.UserID), 2)
			require.Equal(t, 20, count(`jobs WHERE book_id = $1 AND status = 'succeeded' AND cardinality(coupon_ids) = 1`, book.ID))
			require.Equal(t, 20, count(`events WHERE book_id = $1 AND type = 'coupon.assigned'`, book.ID))
			require.Equal(t, 20, count(`events WHERE book_id = $1 AND type = 'job.succeeded' AND user_id IS NOT NULL`, book.ID))
			require.Equal(t, 0, count(`coupons c JOIN book_user_limits l USING (book_id, user_id) WHERE l.used <> (SELECT count(*) FROM coupons WHERE user_id = c.user_id)`))
		})
	}
}

func claimOnce(t *testing.T, design service.Submitter, who auth.Principal, book uuid.UUID, key string) {
	t.Helper()
	_, err := design.Submit(t.Context(), who, service.ClaimRequest{BookID: book, IdempotencyKey: key, Fingerprint: []byte{1}, Count: 1})
	if err != nil && !errors.Is(err, coupon.ErrSoldOut) {
		t.Error(err)
	}
}
