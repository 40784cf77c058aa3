package service_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

func (h *house) generate(t *testing.T, book coupon.Book, count int, pattern string) uuid.UUID {
	t.Helper()
	got, err := h.service.SubmitGenerate(t.Context(), fixture.Owner(book), service.GenerateRequest{
		BookID: book.ID, Count: count, Format: coupon.CodeFormat{Pattern: pattern, AllowGuessable: true},
	})
	require.NoError(t, err)
	h.service.Close() // what is being rung has been rung
	require.Contains(t, h.queue.Rung, got.Job.ID)
	return got.Job.ID
}

// A job makes exactly as many codes as asked, counts them in the stock, and
// does nothing when it is run again.
func TestGenerate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	id := h.generate(t, book, 12_345, "")
	for _, want := range []int{12_345, 0} {
		made, err := h.service.Generate(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, made)
	}
	require.EqualValues(t, 12_345, h.stock(t, book.ID).Free)
	job := h.job(t, id)
	require.Equal(t, coupon.Succeeded, job.Status)
	require.Equal(t, 12_345, job.Succeeded)
	fixture.Verify(t, h.pool)
}

// A worker dies after a chunk, again and again. Each next run goes on where
// the last one stopped, once its silence tells that it is dead.
func TestGenerateAfterCrashes(t *testing.T) {
	t.Parallel()
	h, plain, proxy := newCutHouse(t)
	book := fixture.Book(t, plain, 0, 0)
	id := h.generate(t, book, 35_000, "")
	runs := 0
	for h.job(t, id).Status != coupon.Succeeded {
		if runs++; runs <= 4 {
			proxy.Armed.Store(1) // the answer to this run's first chunk is lost
		}
		_, err := h.service.Generate(t.Context(), id)
		require.Equal(t, runs <= 4, err != nil)
		again, stillHeld := h.service.Generate(t.Context(), id)
		require.NoError(t, stillHeld)
		require.Zero(t, again, "a run that has just shown a sign of life is not taken over")
		_, err = plain.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, id)
		require.NoError(t, err)
	}
	require.Greater(t, runs, 2, "it was interrupted")
	require.EqualValues(t, 35_000, h.stock(t, book.ID).Free)
	fixture.Verify(t, plain)
}

// Two workers believe that the job is theirs. The one that came first finds
// its epoch gone and stops; together they make exactly as many as asked.
func TestGenerateTakenOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	id := h.generate(t, book, 40_000, "")
	var lost atomic.Int32
	together(3, func(i int) {
		for range i * 20 { // the later ones find the heartbeat old
			_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1 AND status = 'running'`, id)
			require.NoError(t, err)
		}
		if _, err := h.service.Generate(t.Context(), id); err != nil {
			require.ErrorIs(t, err, coupon.ErrJobNotFound, "it lost the job")
			lost.Add(1)
		}
	})
	for h.job(t, id).Status != coupon.Succeeded {
		_, err := h.pool.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, id)
		require.NoError(t, err)
		_, err = h.service.Generate(t.Context(), id)
		require.NoError(t, err)
	}
	require.EqualValues(t, 40_000, h.stock(t, book.ID).Free)
	fixture.Verify(t, h.pool)
}

// Where random codes meet codes that exist, also of other books, others are
// made until the number is right.
func TestGenerateIntoAFullKeyspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 40 { // 400 of the 1,024 codes that ## can make
		book := fixture.Book(t, h.pool, 0, 0)
		made, err := h.service.Generate(t.Context(), h.generate(t, book, 10, "X##"))
		require.NoError(t, err)
		require.Equal(t, 10, made)
	}
	fixture.Verify(t, h.pool)
}

// The same key brings the same job; another request with it is refused; a
// closed book takes no codes, but still answers for a key.
func TestSubmitGenerateTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	submit := func(ctx context.Context, mark string) (service.Submission, error) {
		return h.service.SubmitGenerate(ctx, fixture.Owner(book), service.GenerateRequest{
			BookID: book.ID, Count: 5, IdempotencyKey: "k", Fingerprint: []byte(mark),
		})
	}
	first, err := submit(t.Context(), "a")
	require.NoError(t, err)
	second, err := submit(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, second.Replayed)
	require.Equal(t, first.Job.ID, second.Job.ID)
	_, err = submit(t.Context(), "b")
	require.ErrorIs(t, err, coupon.ErrKeyReused)

	_, err = h.service.MoveBook(t.Context(), fixture.Owner(book), book.ID, coupon.Closed)
	require.NoError(t, err)
	third, err := submit(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, first.Job.ID, third.Job.ID)
	_, err = h.service.SubmitGenerate(t.Context(), fixture.Owner(book), service.GenerateRequest{BookID: book.ID, Count: 5})
	require.ErrorIs(t, err, coupon.ErrBookState)
	_, err = h.service.SubmitGenerate(t.Context(), fixture.User(t, h.pool, coupon.Manager), service.GenerateRequest{BookID: book.ID, Count: 5})
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
}
