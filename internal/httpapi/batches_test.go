package httpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// run submits a bulk job and runs it to its end.
func (h *house) run(t *testing.T, credential, path string, body any, headers ...string) (job jobBody) {
	t.Helper()
	got := h.call(t, credential, http.MethodPost, path, body, headers...)
	require.Equal(t, http.StatusAccepted, got.status, "%s", got.body)
	got.read(t, &job)
	_, err := h.service.RunBulk(context.WithoutCancel(t.Context()), job.Kind, job.ID)
	require.NoError(t, err)
	h.call(t, credential, http.MethodGet, job.Links.Self, nil).read(t, &job)
	return job
}

// How the codes of a book came, newest first; its coupons by batch; a batch is
// voided as a whole.
func TestBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 3, 0)
	owner := h.token(t, fixture.Owner(book))
	h.send(t, owner, bookPath(book, "/codes/upload?file_name=spring.csv"), "text/csv", "CSV-1\nCSV-2\n")
	added := h.call(t, owner, http.MethodPost, bookPath(book, "/coupons"), map[string]any{"code": "ONE-1"})
	require.Equal(t, http.StatusCreated, added.status, "%s", added.body)
	h.send(t, owner, bookPath(book, "/codes/upload"), "text/csv", "CSV-1\n") // adds nothing
	var batches page[batchBody]
	h.call(t, owner, http.MethodGet, bookPath(book, "/batches"), nil).read(t, &batches)
	require.Len(t, batches.Data, 3)
	one, csv, made := batches.Data[0], batches.Data[1], batches.Data[2]
	require.Equal(t, []coupon.BatchKind{coupon.Added, coupon.Uploaded, coupon.Generated}, []coupon.BatchKind{one.Kind, csv.Kind, made.Kind})
	require.Equal(t, []int{1, 2, 3}, []int{one.Codes, csv.Codes, made.Codes})
	require.Equal(t, "spring.csv", *csv.FileName)
	require.Equal(t, "####-####-####", *made.Pattern)
	id := func(b batchBody) string { return b.ID.String() }
	require.Len(t, list(t, h, owner, bookPath(book, "/batches?"), id), 3)

	in := func(b batchBody, more string) []string {
		return list(t, h, owner, bookPath(book, "/coupons?batch_id="+b.ID.String()+more), codeOfCoupon)
	}
	require.Equal(t, []string{"CSV-1", "CSV-2"}, in(csv, ""))
	require.Equal(t, []string{"CSV-2"}, in(csv, "&prefix=csv2"))
	require.Empty(t, in(csv, "&state=VOID"))
	require.Equal(t, []string{"ONE-1"}, in(one, ""))

	path := bookPath(book, "/batches/"+csv.ID.String()+"/void")
	job := h.run(t, owner, path, map[string]any{"reason": "leaked"}, "Idempotency-Key", "v")
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, voidBody{csv.ID, 2, 0, map[string]int{}}, *job.Result.Void)
	require.Equal(t, []string{"CSV-1", "CSV-2"}, in(csv, "&state=VOID"))
	again := h.call(t, owner, http.MethodPost, path, map[string]any{"reason": "leaked"}, "Idempotency-Key", "v")
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, "idempotency_key_reused", h.call(t, owner, http.MethodPost, path, map[string]any{"reason": "x"}, "Idempotency-Key", "v").problem.Code)
	h.call(t, owner, http.MethodGet, bookPath(book, "/batches?limit=2"), nil).read(t, &batches)
	require.NotNil(t, batches.Data[1].VoidedAt)

	nowhere := bookPath(book, "/batches/"+uuid.NewString()+"/void")
	require.Equal(t, "batch_not_found", h.call(t, owner, http.MethodPost, nowhere, map[string]any{"reason": "x"}).problem.Code)
	_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = NULL, status = 'running' WHERE id = $1`, made.JobID)
	require.NoError(t, err)
	require.Equal(t, "batch_grows", h.call(t, owner, http.MethodPost, strings.ReplaceAll(path, csv.ID.String(), made.ID.String()), map[string]any{"reason": "x"}).problem.Code)
}

// A single code of the manager's own making; the same request brings the same
// coupon, another one is refused.
func TestAddCoupon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner, path := h.token(t, fixture.Owner(book)), bookPath(book, "/coupons")
	body := map[string]any{"code": "Hello-1", "max_redemptions": 2, "expires_at": "2099-01-01", "metadata": map[string]any{"for": "Ann"}}
	var first, second couponBody
	h.call(t, owner, http.MethodPost, path, body, "Idempotency-Key", "k").read(t, &first)
	replay := h.call(t, owner, http.MethodPost, path, body, "Idempotency-Key", "k")
	replay.read(t, &second)
	require.Equal(t, first, second)
	require.Equal(t, "true", replay.header.Get("Idempotency-Replayed"))
	require.Equal(t, 2, first.Remaining)
	require.JSONEq(t, `{"for": "Ann"}`, string(first.Metadata))
	taken := h.call(t, owner, http.MethodPost, path, map[string]any{"code": "HELLO 1"})
	require.Equal(t, "/code", taken.problem.Errors[0].Pointer)
	require.Equal(t, "code_exists", h.call(t, owner, http.MethodPost, path, map[string]any{"code": "hello.1"}).problem.Code)
	require.Equal(t, "/max_redemptions", h.call(t, owner, http.MethodPost, path, map[string]any{"code": "H2", "max_redemptions": 0}).problem.Errors[0].Pointer)
	require.Equal(t, "invalid_input", h.call(t, owner, http.MethodPost, path, body, "Idempotency-Key", "ä").problem.Code)
	require.Equal(t, "book_not_found", h.call(t, h.person(t, coupon.Manager), http.MethodPost, path, body).problem.Code)
	fixture.Verify(t, h.pool)
}
