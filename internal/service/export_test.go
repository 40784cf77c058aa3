package service_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

func (h *house) submitExport(t *testing.T, book coupon.Book, f coupon.StockFilter) coupon.Job {
	t.Helper()
	submitted, err := h.service.SubmitExport(t.Context(), fixture.Owner(book), service.ExportRequest{BookID: book.ID, Filter: f})
	require.NoError(t, err)
	return submitted.Job
}

// export is an export from the request to its rows.
func (h *house) export(t *testing.T, book coupon.Book, f coupon.StockFilter) (rows []coupon.ExportRow) {
	t.Helper()
	job := h.submitExport(t, book, f)
	n, err := h.service.Export(t.Context(), job.ID)
	require.NoError(t, err)
	again, err := h.service.Export(t.Context(), job.ID)
	require.NoError(t, err)
	require.Zero(t, again)
	require.NoError(t, h.service.OpenExport(t.Context(), job.ID))
	rows, err = h.service.ExportPage(t.Context(), job.ID, 0, 10_000)
	require.NoError(t, err)
	require.Len(t, rows, n)
	return rows
}

// An export has the codes that its filter lets through, in the order of the
// codes, as they stand, and tells the book's audit trail.
func TestExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	fixture.Book(t, h.pool, 3, 0) // another book's are left out
	h.upload(t, book, "B-1\nB-2\nA-3\n", service.UploadRequest{})
	h.upload(t, book, "code,expires_at,metadata.shop\nOVER,2001-01-01,Sol\n", service.UploadRequest{})
	batches := h.batches(t, book)
	for name, c := range map[string]struct {
		filter coupon.StockFilter
		want   []string
	}{
		"all":     {coupon.StockFilter{}, []string{"A-3 UNASSIGNED", "B-1 UNASSIGNED", "B-2 UNASSIGNED", "OVER EXPIRED"}},
		"prefix":  {coupon.StockFilter{Prefix: "B"}, []string{"B-1 UNASSIGNED", "B-2 UNASSIGNED"}},
		"state":   {coupon.StockFilter{State: new(coupon.Expired)}, []string{"OVER EXPIRED"}},
		"batch":   {coupon.StockFilter{BatchID: &batches[0]}, []string{"OVER EXPIRED"}},
		"nothing": {coupon.StockFilter{Prefix: "C"}, nil},
	} {
		var got []string
		for i, row := range h.export(t, book, c.filter) {
			require.Equal(t, i+1, row.N)
			got = append(got, row.Code+" "+string(row.State))
		}
		require.Equal(t, c.want, got, name)
	}
	require.Equal(t, 5, h.count(t, `SELECT count(*) FROM events WHERE type = 'book.codes_exported' AND actor_id IS NOT NULL AND data ? 'count'`))
	fixture.Verify(t, h.pool)
	_, err := h.service.SubmitExport(t.Context(), fixture.User(t, h.pool, coupon.Manager), service.ExportRequest{BookID: book.ID})
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
}

// While a sale runs, an export shows the book as it was at one instant: of a
// claim for two codes it has both or neither.
func TestExportDuringASale(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2000, 0)
	users := fixture.Users(t, h.pool, 1000)
	var sale sync.WaitGroup
	sale.Go(func() {
		for i := 0; i < len(users); i += 20 {
			fixture.Queued(t, h.pool, book.ID, users[i:i+20], 2)
			_, err := h.drainer.Drain(t.Context(), book.ID)
			require.NoError(t, err)
		}
	})
	inTheMiddle := false
	for done := false; !done; {
		held := map[uuid.UUID]int{}
		rows := h.export(t, book, coupon.StockFilter{})
		require.Len(t, rows, 2000)
		for _, row := range rows {
			if row.UserID != nil {
				held[*row.UserID]++
			}
		}
		for _, n := range held {
			require.Equal(t, 2, n)
		}
		done = len(held) == 1000
		inTheMiddle = inTheMiddle || len(held) > 0 && !done
	}
	sale.Wait()
	require.True(t, inTheMiddle, "no export met the sale")
}

// A worker that dies leaves no half of a file, and the next one makes it.
func TestExportAfterCrashes(t *testing.T) {
	t.Parallel()
	h, plain, proxy := newCutHouse(t)
	book := fixture.Book(t, plain, 100, 0)
	job := h.submitExport(t, book, coupon.StockFilter{})
	proxy.Armed.Store(1) // the answer is lost, what it answers is not
	_, err := h.service.Export(t.Context(), job.ID)
	require.Error(t, err)
	rows, err := h.service.ExportPage(t.Context(), job.ID, 0, 1000)
	require.NoError(t, err)
	ended := h.job(t, job.ID)
	require.Equal(t, ended.Done(), len(rows) == 100)
	_, err = plain.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, job.ID)
	require.NoError(t, err)
	_, err = h.service.Export(t.Context(), job.ID)
	require.NoError(t, err)
	require.Equal(t, 100, h.count(t, `SELECT count(*) FROM export_rows`))
	fixture.Verify(t, plain)
}

// The file of an export can be fetched for a quarter of an hour; its rows are
// forgotten after that.
func TestExportsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	job := h.submitExport(t, book, coupon.StockFilter{})
	require.ErrorIs(t, h.service.OpenExport(t.Context(), job.ID), coupon.ErrExportNotFound, "it is not there yet")
	_, err := h.service.Export(t.Context(), job.ID)
	require.NoError(t, err)
	for _, c := range []struct {
		age  time.Duration
		open error
		rows int
	}{{14 * time.Minute, nil, 5}, {15 * time.Minute, coupon.ErrExportExpired, 5}, {61 * time.Minute, coupon.ErrExportExpired, 0}} {
		_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = clock_timestamp() - $2::interval WHERE id = $1`, job.ID, c.age)
		require.NoError(t, err)
		require.ErrorIs(t, h.service.OpenExport(t.Context(), job.ID), c.open)
		require.NoError(t, h.sweeper.Rows(t.Context()))
		require.Equal(t, c.rows, h.count(t, `SELECT count(*) FROM export_rows`))
	}
	generated := h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'generate_codes'`)
	require.Equal(t, 1, generated)
	var other uuid.UUID
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT id FROM jobs WHERE kind = 'generate_codes'`).Scan(&other))
	for _, id := range []uuid.UUID{other, uuid.New()} {
		require.ErrorIs(t, h.service.OpenExport(t.Context(), id), coupon.ErrExportNotFound)
	}
}
