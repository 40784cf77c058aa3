package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// batchFor claims a coupon for each of the users.
func batchFor(book coupon.Book, users []auth.Principal) service.ClaimBatchRequest {
	in := service.ClaimBatchRequest{BookID: book.ID}
	for i := range users {
		in.Items = append(in.Items, service.ClaimItem{ItemID: fmt.Sprintf("item-%d", i+1), For: coupon.UserRef{ID: &users[i].UserID}, Count: 1})
	}
	return in
}

func (h *house) items(t *testing.T, job coupon.Job) []coupon.Outcome {
	t.Helper()
	outcomes, err := h.store.Outcomes(t.Context(), job.ID, coupon.OutcomeFilter{}, 2000)
	require.NoError(t, err)
	return outcomes
}

// A batch has its turn in its book's queue: who came before goes first, who
// came after gets what is left. Each item has an outcome of its own, and a user
// who is in it twice meets his limit.
func TestABatchOfClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 6, 2)
	users := fixture.Users(t, h.pool, 9)
	before := fixture.Queued(t, h.pool, book.ID, users[7:8], 1)
	in := batchFor(book, users[:6])
	in.Items[1].For, in.Items[1].Count = in.Items[0].For, 2 // one and two are three
	in.Items[2].Count = 2
	got, err := h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
	require.NoError(t, err)
	require.EqualValues(t, 2, *got.Job.Position)
	after := fixture.Queued(t, h.pool, book.ID, users[8:], 1)
	h.service.Close()
	require.Contains(t, h.queue.Rung, book.ID)

	require.Equal(t, service.Drained{Granted: 5, Refused: 3}, h.drain(t, book.ID))
	require.Equal(t, coupon.Succeeded, h.job(t, before[0]).Status)
	require.Equal(t, "sold_out", *h.job(t, after[0]).ErrorCode)
	job := h.job(t, got.Job.ID)
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.Equal(t, []int{6, 6, 4, 2}, []int{job.Total, job.Processed, job.Succeeded, job.Failed})
	given := []string{}
	for i, o := range h.items(t, job) {
		require.Equal(t, fmt.Sprintf("item-%d", i+1), *o.ItemID)
		require.Equal(t, *in.Items[i].For.ID, *o.UserID)
		if o.Status == coupon.OutcomeGranted {
			require.Len(t, o.Coupons, in.Items[i].Count)
			given = append(given, "granted")
		} else {
			given = append(given, string(*o.Reason))
		}
	}
	require.Equal(t, []string{"granted", "limit_reached", "granted", "granted", "granted", "sold_out"}, given)
	require.Contains(t, h.queue.Done, got.Job.ID)
	fixture.Verify(t, h.pool)

	whole := batchFor(fixture.Book(t, h.pool, 2000, 0), fixture.Users(t, h.pool, 1000))
	got, err = h.service.SubmitClaimBatch(t.Context(), fixture.User(t, h.pool, coupon.Admin), whole)
	require.NoError(t, err)
	h.drain(t, whole.BookID)
	require.Equal(t, coupon.Succeeded, h.job(t, got.Job.ID).Status)
	fixture.Verify(t, h.pool)
}

// A key brings the same batch, a hundred times at once and after the sale;
// another batch under it is refused.
func TestABatchUnderAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 3, 0)
	in := batchFor(book, fixture.Users(t, h.pool, 3))
	in.IdempotencyKey, in.Fingerprint = "key", []byte("one")
	ids := make([]string, 100)
	together(100, func(i int) {
		got, err := h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
		require.NoError(t, err)
		ids[i] = got.Job.ID.String()
	})
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, service.Drained{Granted: 3}, h.drain(t, book.ID))
	got, err := h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
	require.NoError(t, err, "though all is sold")
	require.True(t, got.Replayed)
	in.Fingerprint = []byte("other")
	_, err = h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	in.IdempotencyKey = ""
	_, err = h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
	require.ErrorIs(t, err, coupon.ErrSoldOut)
	fixture.Verify(t, h.pool)
}

// A batch is accepted as a whole: one bad item, and nothing of it is.
func TestBadBatches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	owner, users := fixture.Owner(book), fixture.Users(t, h.pool, 2)
	many := func(in *service.ClaimBatchRequest) {
		for len(in.Items) <= coupon.MaxBatch {
			in.Items = append(in.Items, service.ClaimItem{ItemID: fmt.Sprint(len(in.Items)), For: in.Items[0].For, Count: 1})
		}
	}
	for _, c := range []struct {
		pointer string
		spoil   func(*service.ClaimBatchRequest)
	}{
		{"/items", func(in *service.ClaimBatchRequest) { in.Items = nil }},
		{"/items", many},
		{"/items/1/item_id", func(in *service.ClaimBatchRequest) { in.Items[1].ItemID = "item-1" }},
		{"/items/1/user", func(in *service.ClaimBatchRequest) { in.Items[1].For = coupon.UserRef{ExternalID: "nobody"} }},
		{"/callback_url", func(in *service.ClaimBatchRequest) { in.CallbackURL = "https://nowhere.example.com/x" }},
	} {
		in := batchFor(book, users)
		c.spoil(&in)
		_, err := h.service.SubmitClaimBatch(t.Context(), owner, in)
		var refusal *coupon.Error
		require.ErrorAs(t, err, &refusal, c.pointer)
		require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
	}
	_, err := h.service.SubmitClaimBatch(t.Context(), users[0], batchFor(book, users))
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
	paused := fixture.Book(t, h.pool, 5, 0)
	_, err = h.service.MoveBook(t.Context(), fixture.Owner(paused), paused.ID, coupon.Paused)
	require.NoError(t, err)
	_, err = h.service.SubmitClaimBatch(t.Context(), fixture.Owner(paused), batchFor(paused, users))
	require.ErrorIs(t, err, coupon.ErrBookNotActive)
	require.Zero(t, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'claim_batch'`))

	in := batchFor(book, users)
	in.Items[0].For, in.Items[1].For, in.CreateMissing = coupon.UserRef{ExternalID: "new"}, coupon.UserRef{Email: "new@example.com"}, true
	_, err = h.service.SubmitClaimBatch(t.Context(), owner, in)
	require.NoError(t, err)
	require.Equal(t, service.Drained{Granted: 2}, h.drain(t, book.ID))
	fixture.Verify(t, h.pool)
}

// A batch of which one item breaks fails as a whole, and can be retried, which
// makes one new batch however often.
func TestABatchThatBreaksIsRetried(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	got, err := h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), batchFor(book, fixture.Users(t, h.pool, 3)))
	require.NoError(t, err)
	poison(t, h, got.Job.ID, `NEW.status = 'succeeded'`)
	require.Equal(t, service.Drained{Refused: 3}, h.drain(t, book.ID))
	job := h.job(t, got.Job.ID)
	require.Equal(t, coupon.Failed, job.Status)
	require.Equal(t, "internal", *job.ErrorCode)
	fixture.Verify(t, h.pool)

	admin := fixture.User(t, h.pool, coupon.Admin)
	first, err := h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
	require.NoError(t, err)
	again, err := h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.NotEqual(t, job.ID, first.ID)
	require.Equal(t, service.Drained{Granted: 3}, h.drain(t, book.ID))
	require.Equal(t, "item-3", *h.items(t, first)[2].ItemID)
	fixture.Verify(t, h.pool)
}

// A new claim is refused while the book's oldest one waits too long; those that
// are accepted are not touched, and a key still brings its job.
func TestShedding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.claims.ShedAfter, h.service.ShedAfter = 5*time.Second, 5*time.Second
	book, other := fixture.Book(t, h.pool, 10, 0), fixture.Book(t, h.pool, 10, 0)
	users := fixture.Users(t, h.pool, 3)
	key := keyed(book.ID, "key", "body")
	first, err := h.claims.Submit(t.Context(), users[0], key)
	require.NoError(t, err)
	require.NoError(t, h.claims.RefreshOverdue(t.Context()))
	_, err = h.claim(t, users[1], book.ID, 1)
	require.NoError(t, err, "it is not late yet")
	h.age(t)
	require.NoError(t, h.claims.RefreshOverdue(t.Context()))

	_, err = h.claim(t, users[2], book.ID, 1)
	require.ErrorIs(t, err, coupon.ErrOverloaded)
	_, err = h.service.SubmitClaimBatch(t.Context(), fixture.Owner(book), batchFor(book, users))
	require.ErrorIs(t, err, coupon.ErrOverloaded)
	again, err := h.claims.Submit(t.Context(), users[0], key)
	require.NoError(t, err)
	require.Equal(t, first.Job.ID, again.Job.ID)
	_, err = h.claim(t, users[2], other.ID, 1)
	require.NoError(t, err, "the other book's queue is short")
	require.Equal(t, service.Drained{Granted: 2}, h.drain(t, book.ID))
	require.NoError(t, h.claims.RefreshOverdue(t.Context()))
	_, err = h.claim(t, users[2], book.ID, 1)
	require.NoError(t, err)
}
