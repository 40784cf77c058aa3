package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// told counts a book's events of a type.
func (h *house) told(t *testing.T, book coupon.Book, event coupon.EventType) (n int) {
	t.Helper()
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE book_id = $1 AND type = $2`, book.ID, event).Scan(&n))
	return n
}

// notices lets several sweepers look at once.
func (h *house) notices(t *testing.T) {
	t.Helper()
	together(4, func(int) { require.NoError(t, h.sweeper.Notices(t.Context())) })
}

// A stock that comes to be low is told once, and again when it was refilled in
// between.
func TestLowStock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, silent := fixture.Book(t, h.pool, 10, 0), fixture.Book(t, h.pool, 10, 0)
	_, err := h.service.EditBook(t.Context(), fixture.Owner(book), book.ID, nil, fixture.Edit(func(s *coupon.BookSettings) { s.LowStockPercent = 30 }))
	require.NoError(t, err)
	_, err = h.service.EditBook(t.Context(), fixture.Owner(silent), silent.ID, nil, fixture.Edit(func(s *coupon.BookSettings) { s.LowStockPercent = 0 }))
	require.NoError(t, err)
	give := func(book coupon.Book, n int) {
		fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, n), 1)
		h.drain(t, book.ID)
		h.notices(t)
	}
	give(silent, 10)
	require.Zero(t, h.told(t, silent, coupon.BookLowStock))
	give(book, 6)
	require.Zero(t, h.told(t, book, coupon.BookLowStock))
	give(book, 1)
	require.Equal(t, 1, h.told(t, book, coupon.BookLowStock))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = 'book.low_stock' AND data = '{"free": 3, "total": 10}'`))
	give(book, 1)
	require.Equal(t, 1, h.told(t, book, coupon.BookLowStock))
	fixture.Codes(t, h.pool, fixture.Owner(book), book.ID, 10)
	h.notices(t)
	give(book, 7)
	require.Equal(t, 2, h.told(t, book, coupon.BookLowStock))
	fixture.Verify(t, h.pool)
}

// That a book ends soon is told once, and again when it was given more time.
func TestEndingSoon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	for _, c := range []struct {
		ends, soon string
		told       int
	}{
		{`25 hours`, `24 hours`, 0}, {`23 hours`, `24 hours`, 1}, {`23 hours`, `24 hours`, 1}, {`-1 second`, `24 hours`, 1}, {`1 minute`, `0`, 1},
	} {
		_, err := h.pool.Exec(t.Context(), `
			UPDATE books SET ends_at = clock_timestamp() + $2::text::interval, ending_soon = $3::text::interval WHERE id = $1`, book.ID, c.ends, c.soon)
		require.NoError(t, err)
		h.notices(t)
		require.Equal(t, c.told, h.told(t, book, coupon.BookEndingSoon), "%s %s", c.ends, c.soon)
	}
	_, err := h.service.EditBook(t.Context(), fixture.Owner(book), book.ID, nil, fixture.Edit(func(s *coupon.BookSettings) {
		s.EndsAt, s.EndingSoon = new(book.CreatedAt.AddDate(0, 0, 2)), coupon.NewSettings("").EndingSoon*3
	}))
	require.NoError(t, err)
	h.notices(t)
	require.Equal(t, 2, h.told(t, book, coupon.BookEndingSoon))
	_, err = h.service.MoveBook(t.Context(), fixture.Owner(book), book.ID, coupon.Closed)
	require.NoError(t, err)
}

// A sweeper whose database is gone says so.
func TestNoticesFail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pool.Close()
	require.Error(t, service.NewSweeper(h.store, h.service, h.drainer, h.queue).Notices(t.Context()))
}
