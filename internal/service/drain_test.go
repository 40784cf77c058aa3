package service_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// Claims for several coupons get all of them or none, in their turn: one that
// asks for too many does not block the next.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 6)
	users := fixture.Users(t, h.pool, 5)
	want := []struct {
		user, count int
		code        string
	}{
		{0, 6, ""},
		{0, 1, "limit_reached"},
		{1, 5, "sold_out"}, // four are left
		{1, 3, ""},
		{2, 1, ""},
		{3, 7, "limit_reached"}, // more than anyone may have, and than there are
		{4, 1, "sold_out"},
	}
	ids := make([]uuid.UUID, len(want))
	for i, claim := range want {
		got, err := h.claim(t, users[claim.user], book.ID, claim.count)
		require.NoError(t, err)
		ids[i] = got.Job.ID
	}
	require.Equal(t, service.Drained{Granted: 3, Refused: 4}, h.drain(t, book.ID))
	for i, claim := range want {
		job := h.job(t, ids[i])
		if claim.code == "" {
			require.Len(t, job.Coupons, claim.count)
			require.Equal(t, claim.count, job.Succeeded)
			continue
		}
		require.Equal(t, claim.code, *job.ErrorCode)
		require.Equal(t, claim.count, job.Failed)
	}
	require.Contains(t, *h.job(t, ids[2]).ErrorDetail, "4 coupons are left")
	require.Len(t, h.job(t, ids[1]).Held, 6, "limit_reached names what the user holds")
	fixture.Verify(t, h.pool)
}

// A claim that Postgres refuses ends alone, as an internal failure; the five
// hundred around it in its group get their coupons.
func TestAPoisonedClaimFailsAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 600, 0)
	ids := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 501), 1)
	poison(t, h, ids[234], `NEW.status = 'succeeded'`)

	require.Equal(t, service.Drained{Granted: 500, Refused: 1}, h.drain(t, book.ID))
	job := h.job(t, ids[234])
	require.Equal(t, coupon.Failed, job.Status)
	require.Equal(t, "internal", *job.ErrorCode)
	require.EqualValues(t, 100, h.stock(t, book.ID).Free)
	fixture.Verify(t, h.pool)
}

// A claim that cannot even be ended is left, reported, and in nobody's way.
func TestAClaimThatCannotEndIsInNobodysWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	ids := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 9), 1)
	poison(t, h, ids[3], `true`)

	_, err := h.drainer.Drain(t.Context(), book.ID)
	require.Error(t, err)
	require.Equal(t, map[string]int{"succeeded": 8, "queued": 1}, fixture.Outcomes(t, h.pool, book.ID))
}

// poison makes Postgres refuse updates of the job under a condition.
func poison(t *testing.T, h *house, job uuid.UUID, when string) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `
		CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '22000'; END $$`)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `
		CREATE TRIGGER poison BEFORE UPDATE ON jobs FOR EACH ROW
		WHEN (NEW.id = '`+job.String()+`' AND `+when+`) EXECUTE FUNCTION poison()`)
	require.NoError(t, err)
}

// A pause holds accepted claims; the next activation grants them in order.
func TestAPauseHoldsTheQueue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	owner := fixture.Owner(book)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 5), 1)
	_, err := h.service.MoveBook(t.Context(), owner, book.ID, coupon.Paused)
	require.NoError(t, err)
	require.Equal(t, service.Drained{}, h.drain(t, book.ID))
	_, err = h.claim(t, owner, book.ID, 1)
	require.ErrorIs(t, err, coupon.ErrBookNotActive)

	_, err = h.service.MoveBook(t.Context(), owner, book.ID, coupon.Active)
	require.NoError(t, err)
	h.service.Close()
	require.Contains(t, h.queue.Rung, book.ID, "activating rings")
	require.Equal(t, service.Drained{Granted: 5}, h.drain(t, book.ID))
	fixture.Verify(t, h.pool)
}

// Claims that still wait when their book closes or ends get a clean refusal.
func TestClaimsOfABookThatIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	closed, ended := fixture.Book(t, h.pool, 5, 0), fixture.Book(t, h.pool, 5, 0)
	users := fixture.Users(t, h.pool, 3)
	fixture.Queued(t, h.pool, closed.ID, users, 1)
	fixture.Queued(t, h.pool, ended.ID, users, 1)
	_, err := h.service.MoveBook(t.Context(), fixture.Owner(closed), closed.ID, coupon.Closed)
	require.NoError(t, err)
	past := time.Now().Add(-time.Second)
	_, err = h.service.EditBook(t.Context(), fixture.Owner(ended), ended.ID, nil, fixture.Edit(func(s *coupon.BookSettings) { s.EndsAt = &past }))
	require.NoError(t, err)

	h.drain(t, closed.ID)
	h.drain(t, ended.ID)
	require.Equal(t, map[string]int{"book_not_active": 3}, fixture.Outcomes(t, h.pool, closed.ID))
	require.Equal(t, map[string]int{"book_ended": 3}, fixture.Outcomes(t, h.pool, ended.ID))
	_, err = h.claim(t, users[0], ended.ID, 1)
	require.ErrorIs(t, err, coupon.ErrBookEnded)
	fixture.Verify(t, h.pool)
}

// Coupons that another transaction holds for a moment are waited for: nobody
// is refused because of them.
func TestHeldCouponsAreWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 10), 1)
	tx, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT FROM coupons WHERE book_id = $1 ORDER BY draw_rank LIMIT 3 FOR UPDATE`, book.ID)
	require.NoError(t, err)

	drained, failed := make(chan service.Drained, 1), make(chan error, 1)
	go func() {
		done, err := h.drainer.Drain(t.Context(), book.ID)
		drained <- done
		failed <- err
	}()
	require.Eventually(t, func() bool { // the drain waits for the held rows
		var waiting int
		err := h.pool.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == 1
	}, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, service.Drained{Granted: 10}, <-drained)
	require.NoError(t, <-failed)
	fixture.Verify(t, h.pool)
}

// A stock row that counts too much is a defect; people are refused cleanly all
// the same instead of waiting for ever.
func TestAStockThatCountsTooMuch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 3, 0)
	_, err := h.pool.Exec(t.Context(), `UPDATE book_stock SET total = 10, free = 10 WHERE book_id = $1`, book.ID)
	require.NoError(t, err)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 5), 1)
	require.Equal(t, service.Drained{Granted: 3, Refused: 2}, h.drain(t, book.ID))
}

// Coupons promised to a distribution are not given to claims.
func TestReservedCouponsAreLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 10, 0)
	_, err := h.pool.Exec(t.Context(), `UPDATE book_stock SET reserved = 8 WHERE book_id = $1`, book.ID)
	require.NoError(t, err)
	fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 5), 1)
	require.Equal(t, service.Drained{Granted: 2, Refused: 3}, h.drain(t, book.ID))
	_, err = h.pool.Exec(t.Context(), `UPDATE book_stock SET reserved = 0 WHERE book_id = $1`, book.ID)
	require.NoError(t, err)
	fixture.Verify(t, h.pool)
}

// The draw is random: the first coupon made is not the first given out, and
// two books of the same size go in different orders.
func TestTheDrawIsRandom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	order := func() []int {
		book := fixture.Book(t, h.pool, 50, 0)
		fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 50), 1)
		h.drain(t, book.ID)
		rows, err := h.pool.Query(t.Context(), `
			SELECT row_number() OVER (ORDER BY c.id) AS made FROM coupons c JOIN jobs j ON j.id = c.job_id
			WHERE c.book_id = $1 ORDER BY j.seq`, book.ID)
		require.NoError(t, err)
		defer rows.Close()
		var made []int
		for rows.Next() {
			var n int
			require.NoError(t, rows.Scan(&n))
			made = append(made, n)
		}
		return made
	}
	first, second := order(), order()
	require.NotEqual(t, first, second)
	require.ElementsMatch(t, first, second)
	require.False(t, slices.IsSorted(first))
}
