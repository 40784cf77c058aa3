package service_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

func (h *house) submitVoid(t *testing.T, book coupon.Book, batch uuid.UUID) (service.Submission, error) {
	t.Helper()
	return h.service.SubmitVoid(t.Context(), fixture.Owner(book), service.VoidRequest{BookID: book.ID, BatchID: batch, Reason: "leaked"})
}

// batches are the ids of a book's, newest first.
func (h *house) batches(t *testing.T, book coupon.Book) (ids []uuid.UUID) {
	t.Helper()
	found, err := h.service.Batches(t.Context(), fixture.Owner(book), book.ID, nil, 100)
	require.NoError(t, err)
	for _, b := range found {
		ids = append(ids, b.ID)
	}
	return ids
}

// Voiding a batch ends every coupon of it that is not redeemed or expired, in
// the stock or held, locked or disabled, and none of another batch. What is
// left is told; a second time there is nothing more to do.
func TestVoidBatch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2500, 0) // more than two transactions take
	h.upload(t, book, "KEEP-1\nKEEP-2\n", service.UploadRequest{FileName: "kept.csv"})
	batches := h.batches(t, book)
	require.Len(t, batches, 2)
	owner, why := fixture.Owner(book), service.ReasonInput{Reason: "r"}
	users := fixture.Users(t, h.pool, 5)
	fixture.Queued(t, h.pool, book.ID, users, 100)
	h.drain(t, book.ID)
	pick := func(n int) string {
		var id uuid.UUID
		require.NoError(t, h.pool.QueryRow(t.Context(), `
			SELECT id FROM coupons WHERE batch_id = $1 AND state = 'ASSIGNED' ORDER BY id LIMIT 1 OFFSET $2`, batches[1], n).Scan(&id))
		return id.String()
	}
	used, locked, over, dead := service.CouponRef(pick(0)), service.CouponRef(pick(1)), service.CouponRef(pick(2)), service.CouponRef(pick(3))
	lock, err := h.till.Lock(t.Context(), owner, used, service.LockInput{})
	require.NoError(t, err)
	_, err = h.till.Redeem(t.Context(), owner, used, service.RedeemInput{Token: lock.Token})
	require.NoError(t, err)
	_, err = h.till.Lock(t.Context(), owner, locked, service.LockInput{})
	require.NoError(t, err)
	_, err = h.till.Void(t.Context(), owner, dead, why)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE coupons SET expires_at = clock_timestamp() WHERE id = $1`, over.ID)
	require.NoError(t, err)
	var free uuid.UUID
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT id FROM coupons WHERE batch_id = $1 AND state = 'UNASSIGNED' LIMIT 1`, batches[1]).Scan(&free))
	_, err = h.till.Disable(t.Context(), owner, service.CouponRef(free.String()), why)
	require.NoError(t, err)

	submitted, err := h.submitVoid(t, book, batches[1])
	require.NoError(t, err)
	for range 2 { // the second time it has nothing to do
		_, err = h.service.VoidBatch(t.Context(), submitted.Job.ID)
		require.NoError(t, err)
	}
	job := h.job(t, submitted.Job.ID)
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.Equal(t, []int{2500, 2498, 2}, []int{job.Total, job.Succeeded, job.Failed})
	var result struct {
		Voided, Left int
		Reasons      map[string]int
	}
	require.NoError(t, json.Unmarshal(job.Result, &result))
	require.Equal(t, 2498, result.Voided)
	require.Equal(t, map[string]int{"already_redeemed": 1, "coupon_expired": 1}, result.Reasons)
	require.Equal(t, 2498, h.count(t, `SELECT count(*) FROM coupons WHERE state = 'VOID'`))
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM coupons WHERE code LIKE 'KEEP-%' AND state <> 'VOID'`))
	require.Equal(t, 2497, h.count(t, `SELECT count(*) FROM events WHERE type = 'coupon.voided' AND data->>'reason' = 'leaked' AND actor_id IS NOT NULL`))
	fixture.Verify(t, h.pool)

	again, err := h.submitVoid(t, book, batches[1])
	require.NoError(t, err)
	voided, err := h.service.VoidBatch(t.Context(), again.Job.ID)
	require.NoError(t, err)
	require.Zero(t, voided)
	require.Equal(t, []int{2500, 2498, 2}, []int{job.Total, job.Succeeded, job.Failed})
	fixture.Verify(t, h.pool)
}

// A worker dies after a chunk, again and again; the next ones void the rest.
func TestVoidBatchAfterCrashes(t *testing.T) {
	t.Parallel()
	h, plain, proxy := newCutHouse(t)
	book := fixture.Book(t, plain, 3500, 0)
	submitted, err := h.submitVoid(t, book, h.batches(t, book)[0])
	require.NoError(t, err)
	h.dyingRuns(t, proxy, 4, submitted.Job)
	require.Equal(t, 3500, h.job(t, submitted.Job.ID).Succeeded)
	require.EqualValues(t, 3500, h.stock(t, book.ID).Void)
	fixture.Verify(t, plain)
}

// A batch that is no batch of the book, or that still gets codes, is refused.
func TestVoidBatchRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 1, 0), fixture.Book(t, h.pool, 1, 0)
	_, err := h.submitVoid(t, book, h.batches(t, other)[0])
	require.ErrorIs(t, err, coupon.ErrBatchNotFound)
	_, err = h.submitVoid(t, book, uuid.New())
	require.ErrorIs(t, err, coupon.ErrBatchNotFound)
	_, err = h.submitVoid(t, other, h.batches(t, book)[0])
	require.ErrorIs(t, err, coupon.ErrBatchNotFound)
	stranger := fixture.User(t, h.pool, coupon.Manager)
	_, err = h.service.SubmitVoid(t.Context(), stranger, service.VoidRequest{BookID: book.ID, BatchID: h.batches(t, book)[0]})
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
	_, err = h.service.Batches(t.Context(), stranger, book.ID, nil, 1)
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
	_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = NULL, status = 'running' WHERE book_id = $1`, book.ID)
	require.NoError(t, err)
	_, err = h.submitVoid(t, book, h.batches(t, book)[0])
	require.ErrorIs(t, err, coupon.ErrBatchGrows)
	_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET finished_at = now(), status = 'succeeded' WHERE book_id = $1`, book.ID)
	require.NoError(t, err)
}

// Single codes are added to a batch of their own, which can be voided too; the
// next one begins another.
func TestAddCoupon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner := fixture.Owner(book)
	add := func(row coupon.RowInput) (service.Outcome, error) {
		return h.till.AddCoupon(t.Context(), owner, service.AddCouponRequest{BookID: book.ID, Row: row})
	}
	first, err := add(coupon.RowInput{Code: "Welcome-1", MaxRedemptions: "3", StartsAt: "2030-01-01", ExpiresAt: "2030-12-31", Metadata: json.RawMessage(`{"a":1}`)})
	require.NoError(t, err)
	require.Equal(t, "Welcome-1", first.Till.Coupon.Code)
	require.Equal(t, 3, first.Till.Coupon.MaxRedemptions)
	require.Equal(t, "2031-01-01T00:00:00Z", first.Till.EndsAt().UTC().Format("2006-01-02T15:04:05Z"))
	_, err = add(coupon.RowInput{Code: "WELCOME 2"})
	require.Error(t, err)
	_, err = add(coupon.RowInput{Code: "WELCOME_2"})
	require.NoError(t, err)
	require.Len(t, h.batches(t, book), 1)
	require.EqualValues(t, 2, h.stock(t, book.ID).Free)
	for pointer, row := range map[string]coupon.RowInput{
		"/code": {Code: "a b"}, "/max_redemptions": {Code: "A", MaxRedemptions: "0"}, "/starts_at": {Code: "A", StartsAt: "soon"},
		"/expires_at": {Code: "A", ExpiresAt: "soon"}, "/metadata": {Code: "A", Metadata: json.RawMessage(`[]`)},
	} {
		_, err = add(row)
		var refusal *coupon.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, pointer, refusal.Fields[0].Pointer)
	}
	_, err = add(coupon.RowInput{Code: "welcome1"})
	require.ErrorIs(t, err, coupon.ErrCodeExists)

	submitted, err := h.submitVoid(t, book, h.batches(t, book)[0])
	require.NoError(t, err)
	_, err = h.service.VoidBatch(t.Context(), submitted.Job.ID)
	require.NoError(t, err)
	_, err = add(coupon.RowInput{Code: "WELCOME-3"})
	require.NoError(t, err)
	require.Len(t, h.batches(t, book), 2)
	fixture.Verify(t, h.pool)
	_, err = h.till.AddCoupon(t.Context(), fixture.User(t, h.pool, coupon.Manager), service.AddCouponRequest{BookID: book.ID})
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
	_, err = h.service.MoveBook(t.Context(), owner, book.ID, coupon.Closed)
	require.NoError(t, err)
	_, err = add(coupon.RowInput{Code: "WELCOME-4"})
	require.ErrorIs(t, err, coupon.ErrBookState)
}

// The same code from many at once is added once.
func TestAddCouponTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	errs := make([]error, 40)
	together(len(errs), func(i int) {
		_, errs[i] = h.till.AddCoupon(t.Context(), fixture.Owner(book), service.AddCouponRequest{
			BookID: book.ID, Row: coupon.RowInput{Code: strings.Repeat("A", 1+i%2)},
		})
	})
	added := 0
	for _, err := range errs {
		if err == nil {
			added++
		} else {
			require.ErrorIs(t, err, coupon.ErrCodeExists)
		}
	}
	require.Equal(t, 2, added)
	fixture.Verify(t, h.pool)
}
