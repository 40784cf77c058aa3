package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/mutex"
	"couponbook/internal/postgres"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
	"couponbook/internal/testredis"
)

// age makes everything that waits look older than the sweeper's patience.
func (h *house) age(t *testing.T) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET created_at = created_at - interval '10 seconds',
		heartbeat_at = heartbeat_at - interval '10 seconds', rung_at = rung_at - interval '10 seconds'`)
	require.NoError(t, err)
}

// Claims whose doorbell was lost are drained by the sweeper, with Redis gone,
// but not before their time, and not those of a paused book.
func TestSweepWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	redis := testredis.New(t)
	drainer := fixture.Drainer(h.store, mutex.New(redis.Client(t, redisdb.ForMutexes)), h.queue)
	sweeper := service.NewSweeper(h.store, h.service, drainer, h.queue)
	redis.Stop(t)

	lost, paused, fresh := fixture.Book(t, h.pool, 5, 0), fixture.Book(t, h.pool, 5, 0), fixture.Book(t, h.pool, 5, 0)
	users := fixture.Users(t, h.pool, 5)
	fixture.Queued(t, h.pool, lost.ID, users, 1)
	fixture.Queued(t, h.pool, paused.ID, users, 1)
	_, err := h.service.MoveBook(t.Context(), fixture.Owner(paused), paused.ID, coupon.Paused)
	require.NoError(t, err)
	h.age(t)
	fixture.Queued(t, h.pool, fresh.ID, users, 1)

	require.NoError(t, sweeper.Claims(t.Context()))
	require.Equal(t, map[string]int{"succeeded": 5}, fixture.Outcomes(t, h.pool, lost.ID))
	require.Equal(t, map[string]int{"queued": 5}, fixture.Outcomes(t, h.pool, paused.ID))
	require.Equal(t, map[string]int{"queued": 5}, fixture.Outcomes(t, h.pool, fresh.ID))
	fixture.Verify(t, h.pool)
}

// Bulk jobs that wait too long, or whose worker is dead, are rung for once in
// five seconds, however many sweepers there are.
func TestSweepRingsForBulkJobs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	waiting, dead := h.generate(t, book, 5, ""), h.generate(t, book, 5, "")
	_, err := h.store.StartBulk(t.Context(), dead)
	require.NoError(t, err)
	sweeper := service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	h.queue.Rung = nil
	require.NoError(t, sweeper.Bulk(t.Context()))
	require.Empty(t, h.queue.Rung, "too early")
	h.age(t)
	together(3, func(int) { require.NoError(t, sweeper.Bulk(t.Context())) })
	require.Len(t, h.queue.Rung, 2)
	require.Contains(t, h.queue.Rung, waiting)
	require.Contains(t, h.queue.Rung, dead)
	for _, id := range h.queue.Rung {
		_, err = h.service.Generate(t.Context(), id)
		require.NoError(t, err)
	}
	fixture.Verify(t, h.pool)
}

// With no bell to ring, the sweeper makes the codes itself.
func TestSweepMakesCodesWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	redis := testredis.New(t)
	dead := queue.NewClient(redis.Client(t, redisdb.ForQueues))
	redis.Stop(t)
	book := fixture.Book(t, h.pool, 0, 0)
	id := h.generate(t, book, 25, "")
	h.age(t)
	require.NoError(t, service.NewSweeper(h.store, h.service, h.drainer, dead).Bulk(t.Context()))
	require.Equal(t, coupon.Succeeded, h.job(t, id).Status)
	fixture.Verify(t, h.pool)
}

// While one worker holds the book's mutex another leaves the book to him.
func TestTheMutexSavesWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	redis := testredis.New(t)
	mutexes := mutex.New(redis.Client(t, redisdb.ForMutexes))
	drainer := fixture.Drainer(h.store, mutexes, h.queue)
	book := fixture.Book(t, h.pool, 5, 0)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 5), 1)
	err := mutexes.Try(t.Context(), "book:"+book.ID.String(), func(ctx context.Context) error {
		done, err := drainer.Drain(ctx, book.ID)
		require.Equal(t, service.Drained{Taken: true}, done)
		return err
	})
	require.NoError(t, err)
	done, err := drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.Equal(t, service.Drained{Granted: 5}, done)
}

// The sweeper tells of locks that ran out, as many as there are, and leaves
// those that hold.
func TestEndedLocksAreTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	till := service.NewTill(h.store, auth.NewLockTokens(fixture.Keyring()))
	const locks = 501 // more than one transaction takes
	book := fixture.Book(t, h.pool, locks+1, 0)
	users := fixture.Users(t, h.pool, locks+1)
	fixture.Queued(t, h.pool, book.ID, users, 1)
	h.drain(t, book.ID)
	_, err := h.pool.Exec(t.Context(), `
		UPDATE coupons SET state = 'LOCKED', event_seq = 2, lock_id = gen_random_uuid(), locked_by = user_id,
		       locked_at = now() - interval '5 minutes', locked_until = clock_timestamp()`)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `
		INSERT INTO events (type, book_id, coupon_id, coupon_seq, created_at)
		SELECT 'coupon.locked', book_id, id, 2, now() FROM coupons`)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `INSERT INTO book_stats (book_id, shard, locked) VALUES ($1, 3, $2)`, book.ID, locks+1)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET locked_until = clock_timestamp() + interval '1 minute' WHERE user_id = $1`, users[0].UserID)
	require.NoError(t, err)

	sweeper := service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	require.NoError(t, sweeper.Locks(t.Context()))
	require.NoError(t, sweeper.Locks(t.Context()))
	var told, held int
	require.NoError(t, h.pool.QueryRow(t.Context(), `
		SELECT count(*), (SELECT count(*) FROM coupons WHERE state = 'LOCKED') FROM events WHERE type = 'coupon.lock_expired'`).Scan(&told, &held))
	require.Equal(t, locks, told)
	require.Equal(t, 1, held)
	mine, _, err := till.HeldBy(t.Context(), users[1], coupon.HeldFilter{}, 1)
	require.NoError(t, err)
	_, err = till.Lock(t.Context(), users[1], service.CouponRef(mine[0].Coupon.ID.String()), service.LockInput{})
	require.NoError(t, err)
	fixture.Verify(t, h.pool)
}

// When a book has ended, all its coupons are written down as expired: what was
// held with an event, what was never held without; what is over in another way
// stays. Then the book is left alone, until it has coupons to expire again.
func TestEndedBooksExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	till := service.NewTill(h.store, auth.NewLockTokens(fixture.Keyring()))
	book := fixture.Book(t, h.pool, 1200, 0) // more than one transaction takes
	owner, users := fixture.Owner(book), fixture.Users(t, h.pool, 4)
	fixture.Queued(t, h.pool, book.ID, users, 1)
	h.drain(t, book.ID)
	refs := make([]postgres.CouponRef, len(users))
	for i, user := range users {
		mine, _, err := till.HeldBy(t.Context(), user, coupon.HeldFilter{}, 1)
		require.NoError(t, err)
		refs[i] = service.CouponRef(mine[0].Coupon.ID.String())
	}
	redeem := func(i int) service.Outcome {
		lock, err := till.Lock(t.Context(), users[i], refs[i], service.LockInput{})
		require.NoError(t, err)
		redeemed, err := till.Redeem(t.Context(), users[i], refs[i], service.RedeemInput{Token: lock.Token})
		require.NoError(t, err)
		return redeemed
	}
	used := redeem(0)
	_, err := till.Lock(t.Context(), users[1], refs[1], service.LockInput{})
	require.NoError(t, err)
	_, err = till.Revoke(t.Context(), owner, refs[2], service.ReasonInput{Reason: "a mistake"})
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE books SET ends_at = clock_timestamp(), rollback_window = '1 hour'`)
	require.NoError(t, err)

	sweeper := service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	states := func() (counts map[string]int) {
		rows, err := h.pool.Query(t.Context(), `SELECT state, count(*) FROM coupons GROUP BY state`)
		require.NoError(t, err)
		counts = map[string]int{}
		var state string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error { counts[state] = n; return nil })
		require.NoError(t, err)
		return counts
	}
	for range 2 {
		require.NoError(t, sweeper.Expiry(t.Context()))
		require.Equal(t, map[string]int{"EXPIRED": 1199, "REDEEMED": 1}, states())
	}
	var told int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE type = 'coupon.expired'`).Scan(&told))
	require.Equal(t, 3, told, "two that are held, one that was")
	require.Zero(t, h.stock(t, book.ID).Free)
	ended, err := h.store.EndedBooks(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, ended)
	fixture.Verify(t, h.pool)

	_, err = till.RollBack(t.Context(), owner, used.Redemption.ID, service.ReasonInput{Reason: "sent back"})
	require.NoError(t, err)
	fixture.Codes(t, h.pool, owner, book.ID, 1)
	require.NoError(t, sweeper.Expiry(t.Context()))
	require.Equal(t, map[string]int{"EXPIRED": 1201}, states())
	fixture.Verify(t, h.pool)
}

// A book that was given more time while the sweeper was on its way keeps its
// coupons, and one that was ended anew is looked at again.
func TestMoreTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2, 0)
	end := func(at time.Time) {
		_, err := h.service.EditBook(t.Context(), fixture.Owner(book), book.ID, nil, fixture.Edit(func(s *coupon.BookSettings) { s.EndsAt = &at }))
		require.NoError(t, err)
	}
	end(time.Now().Add(time.Hour))
	expired, err := h.store.ExpireBook(t.Context(), book.ID, 10)
	require.NoError(t, err)
	require.Zero(t, expired)
	require.NoError(t, h.store.NoteExpired(t.Context(), book.ID))
	end(time.Now().Add(-time.Hour))
	ended, err := h.store.EndedBooks(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{book.ID}, ended)
}

// Coupons with an end of their own are over at that instant, each for itself,
// and the sweeper writes it down, as many as there are.
func TestOwnEndsExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	till := service.NewTill(h.store, auth.NewLockTokens(fixture.Keyring()))
	const over = 1001 // more than one transaction takes
	book := fixture.Book(t, h.pool, over+2, 0)
	_, err := h.pool.Exec(t.Context(), `UPDATE books SET valid_for = '1 hour'`)
	require.NoError(t, err)
	users := fixture.Users(t, h.pool, over+1)
	fixture.Queued(t, h.pool, book.ID, users, 1)
	h.drain(t, book.ID)
	var fresh int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM coupons WHERE expires_at = assigned_at + interval '1 hour'`).Scan(&fresh))
	require.Equal(t, over+1, fresh)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET expires_at = clock_timestamp() WHERE user_id <> $1`, users[0].UserID)
	require.NoError(t, err)
	mine, counts, err := till.HeldBy(t.Context(), users[1], coupon.HeldFilter{}, 10)
	require.NoError(t, err)
	require.Equal(t, coupon.Expired, mine[0].Coupon.State)
	require.Equal(t, map[coupon.State]int{coupon.Expired: 1}, counts)

	sweeper := service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	for range 2 {
		require.NoError(t, sweeper.Expiry(t.Context()))
		stats := h.stock(t, book.ID)
		require.Equal(t, int64(over), stats.Expired)
		require.Equal(t, int64(1), stats.Assigned)
		require.Equal(t, int64(1), stats.Free)
	}

	// One that is in the stock ends too, given out or not.
	var free uuid.UUID
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT id FROM coupons WHERE state = 'UNASSIGNED'`).Scan(&free))
	_, err = till.Disable(t.Context(), fixture.Owner(book), service.CouponRef(free.String()), service.ReasonInput{Reason: "not yet"})
	require.NoError(t, err)
	require.EqualValues(t, 1, h.stock(t, book.ID).Disabled)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET expires_at = clock_timestamp() WHERE id = $1`, free)
	require.NoError(t, err)
	require.NoError(t, sweeper.Expiry(t.Context()))
	require.Zero(t, h.stock(t, book.ID).Disabled)
	require.EqualValues(t, over+1, h.stock(t, book.ID).Expired)
	fixture.Verify(t, h.pool)
}

// Answers are forgotten after a week, as many as there are.
func TestOldAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.pool.Exec(t.Context(), `
		INSERT INTO stored_answers (user_id, key, fingerprint, answer, created_at)
		SELECT gen_random_uuid(), n, '', '{}', now() - CASE n WHEN 0 THEN interval '6 days' ELSE interval '7 days 1 second' END
		FROM generate_series(0, 1001) AS n`)
	require.NoError(t, err)
	sweeper := service.NewSweeper(h.store, h.service, h.drainer, h.queue)
	require.NoError(t, sweeper.Answers(t.Context()))
	var left string
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT key FROM stored_answers`).Scan(&left))
	require.Equal(t, "0", left)
}
