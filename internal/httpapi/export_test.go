package httpapi

import (
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/humatest"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// A book's codes as a file, behind a link that needs no account and ends.
func TestExport(t *testing.T) {
	t.Parallel()
	s := newShop(t, `require_lock = false`)
	ann := s.coupon.UserID
	_, err := s.pool.Exec(t.Context(), `UPDATE users SET email = NULL, external_id = '=cmd|''/C calc''!A0' WHERE id = $1`, ann)
	require.NoError(t, err)
	s.send(t, s.manager, bookPath(s.book, "/codes/upload"), "text/csv", "code,metadata.shop\n-1-2,\"=1+1, Sol\"\n")
	job := s.run(t, s.manager, bookPath(s.book, "/codes/export"), nil)
	require.Equal(t, coupon.Succeeded, job.Status)
	file := *job.Result.Export
	require.Equal(t, 6, file.Rows)
	require.Equal(t, 6, job.Progress.Processed)
	require.WithinDuration(t, job.FinishedAt.Add(15*time.Minute), file.ExpiresAt, time.Millisecond)

	got := s.call(t, "", http.MethodGet, file.URL, nil)
	require.Equal(t, http.StatusOK, got.status, "%s", got.body)
	require.Equal(t, "text/csv; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	rows, err := csv.NewReader(strings.NewReader(string(got.body))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, exportHeader, rows[0])
	require.Len(t, rows, 7)
	byCode := map[string][]string{}
	for _, row := range rows[1:] {
		byCode[row[0]] = row
	}
	require.Equal(t, []string{"ASSIGNED", ann.String(), "'=cmd|'/C calc'!A0"}, []string{byCode[s.coupon.Code][1], byCode[s.coupon.Code][3], byCode[s.coupon.Code][4]})
	require.JSONEq(t, `{"shop": "=1+1, Sol"}`, byCode["'-1-2"][11])

	filtered := s.run(t, s.manager, bookPath(s.book, "/codes/export"), map[string]any{"state": "ASSIGNED", "prefix": s.coupon.Code}, "Idempotency-Key", "e")
	require.Equal(t, 1, filtered.Result.Export.Rows)
	again := s.call(t, s.manager, http.MethodPost, bookPath(s.book, "/codes/export"), map[string]any{"state": "ASSIGNED"}, "Idempotency-Key", "e")
	require.Equal(t, "idempotency_key_reused", again.problem.Code)
	empty := s.run(t, s.manager, bookPath(s.book, "/codes/export"), map[string]any{"state": "VOID"})
	require.Zero(t, empty.Result.Export.Rows)
	require.Equal(t, strings.Join(exportHeader, ",")+"\n", string(s.call(t, "", http.MethodGet, empty.Result.Export.URL, nil).body))

	for _, token := range []string{"x", "%3F", file.URL[len(Prefix+"/exports/"):] + "A", strings.Repeat("A", 64)} {
		require.Equal(t, "export_not_found", s.call(t, "", http.MethodGet, Prefix+"/exports/"+token, nil).problem.Code, token)
	}
	_, err = s.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = finished_at - interval '15 minutes' WHERE id = $1`, job.ID)
	require.NoError(t, err)
	ended := s.call(t, "", http.MethodGet, file.URL, nil)
	require.Equal(t, "export_expired", ended.problem.Code)
	require.Equal(t, http.StatusGone, ended.status)
	require.Equal(t, "book_not_found", s.call(t, s.person(t, coupon.Manager), http.MethodPost, bookPath(s.book, "/codes/export"), nil).problem.Code)
	fixture.Verify(t, s.pool)
}

// A file that is cut off in the middle is no file that ended.
func TestAnExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, csvPage+1, 0)
	job := h.run(t, h.token(t, fixture.Owner(book)), bookPath(book, "/codes/export"), nil)
	rows := 0
	answer, err := csvFile(t.Context(), "x", exportHeader, func(after int) ([]coupon.ExportRow, error) {
		if after > 0 {
			return nil, coupon.ErrInternal
		}
		return h.service.ExportPage(t.Context(), job.ID, after, csvPage)
	}, func(r coupon.ExportRow) (int, []string) { rows++; return r.N, []string{r.Code} })
	require.NoError(t, err)
	out := humatest.NewContext(nil, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), httptest.NewRecorder())
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { answer.Body(out) })
	require.Equal(t, csvPage, rows)
}
