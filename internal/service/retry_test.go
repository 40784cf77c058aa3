package service_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// cure ends what poison began.
func cure(t *testing.T, h *house) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `DROP TRIGGER poison ON jobs; DROP FUNCTION poison()`)
	require.NoError(t, err)
}

// runAgain runs a bulk job once more, as the sweeper has it done.
func (h *house) runAgain(t *testing.T, job coupon.Job) error {
	t.Helper()
	_, err := h.service.RunBulk(t.Context(), job.Kind, job.ID)
	_, agedErr := h.pool.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, job.ID)
	return errors.Join(err, agedErr)
}

// A bulk job that breaks five times in a row ends as failed, where people see
// it; an administrator lets it go on where it stopped, once however often he asks.
func TestABrokenJobFailsAndIsRetried(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	job := h.job(t, h.generate(t, book, 15_000, ""))
	admin, owner := fixture.User(t, h.pool, coupon.Admin), fixture.Owner(book)
	poison(t, h, job.ID, `NEW.processed > 10000`)
	for range coupon.MostFailures - 1 {
		require.Error(t, h.runAgain(t, job))
		require.Equal(t, coupon.Running, h.job(t, job.ID).Status)
	}
	require.Error(t, h.runAgain(t, job))
	failed := h.job(t, job.ID)
	require.Equal(t, coupon.Failed, failed.Status)
	require.Equal(t, 10_000, failed.Processed)
	require.Equal(t, "internal", *failed.ErrorCode)
	require.NotContains(t, *failed.ErrorDetail, "poison")
	listed, err := h.service.Jobs(t.Context(), owner, coupon.JobFilter{Status: &failed.Status}, 10)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	require.Contains(t, h.queue.Done, job.ID)
	fixture.Verify(t, h.pool)

	cure(t, h)
	h.queue.Rung = nil
	together(20, func(int) {
		now, err := h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
		require.NoError(t, err)
		require.Equal(t, coupon.Queued, now.Status)
	})
	h.service.Close()
	require.Len(t, h.queue.Rung, 1)
	require.NoError(t, h.runAgain(t, job))
	require.Equal(t, coupon.Succeeded, h.job(t, job.ID).Status)
	require.EqualValues(t, 15_000, h.stock(t, book.ID).Free)
	for event, status := range map[coupon.EventType]string{coupon.JobFailed: "failed", coupon.JobRetried: "queued"} {
		var told string
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT data->'job'->>'status' FROM events WHERE type = $1`, event).Scan(&told))
		require.Equal(t, status, told, "what an event tells does not change with the job")
	}
	_, err = h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
	require.ErrorIs(t, err, coupon.ErrJobRetry)
	fixture.Verify(t, h.pool)
}

// A distribution that is given up keeps no coupons promised, and goes on with
// those who had no turn, if there are coupons for them.
func TestABrokenDistributionIsRetried(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2500, 0)
	job, err := h.gives(t, book, fixture.Pool(t, h.pool, fixture.Owner(book), fixture.Users(t, h.pool, 2500)), service.DistributionRequest{Terms: equal(1)})
	require.NoError(t, err)
	poison(t, h, job.ID, `NEW.processed > 1500`)
	for range coupon.MostFailures {
		require.Error(t, h.runAgain(t, job))
	}
	failed := h.job(t, job.ID)
	require.Equal(t, coupon.Failed, failed.Status)
	require.Positive(t, failed.Processed)
	require.Zero(t, h.count(t, `SELECT reserved FROM book_stock`))
	fixture.Verify(t, h.pool)
	cure(t, h)

	admin := fixture.User(t, h.pool, coupon.Admin)
	taken, err := h.claim(t, admin, book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	_, err = h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
	require.ErrorIs(t, err, coupon.ErrShortage)
	_, err = h.till.Revoke(t.Context(), admin, service.CouponRef(h.job(t, taken.Job.ID).Coupons[0].ID.String()), service.ReasonInput{Reason: "for others"})
	require.NoError(t, err)
	_, err = h.service.RetryJob(t.Context(), admin, h.claims, job.ID)
	require.NoError(t, err)
	require.NoError(t, h.runAgain(t, job))
	require.Equal(t, coupon.Succeeded, h.job(t, job.ID).Status)
	require.Zero(t, h.stock(t, book.ID).Free)
	fixture.Verify(t, h.pool)
}

// A claim that failed by our fault is claimed anew, once. An answer is not
// retried, nor what has not failed.
func TestRetriedClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	admin, users := fixture.User(t, h.pool, coupon.Admin), fixture.Users(t, h.pool, 2)
	broken := fixture.Queued(t, h.pool, book.ID, users[:1], 1)[0]
	poison(t, h, broken, `NEW.status = 'succeeded'`)
	h.drain(t, book.ID)
	again, err := h.service.RetryJob(t.Context(), admin, h.claims, broken)
	require.NoError(t, err)
	same, err := h.service.RetryJob(t.Context(), admin, h.claims, broken)
	require.NoError(t, err)
	require.Equal(t, again.ID, same.ID)
	h.drain(t, book.ID)
	won := h.job(t, again.ID)
	require.Equal(t, coupon.Succeeded, won.Status)
	require.Equal(t, users[0].UserID, *won.UserID)

	refused := fixture.Queued(t, h.pool, book.ID, users[1:], 1)[0]
	h.drain(t, book.ID)
	for _, id := range []uuid.UUID{refused, won.ID} {
		_, err = h.service.RetryJob(t.Context(), admin, h.claims, id)
		require.ErrorIs(t, err, coupon.ErrJobRetry)
	}
	_, err = h.service.RetryJob(t.Context(), admin, h.claims, uuid.New())
	require.ErrorIs(t, err, coupon.ErrJobNotFound)
	fixture.Verify(t, h.pool)
}

// A claim that nobody could decide for a quarter of an hour ends as expired, in
// its turn; one whose book was paused meanwhile has waited for its owner.
func TestClaimsExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, paused := fixture.Book(t, h.pool, 5, 0), fixture.Book(t, h.pool, 5, 0)
	users := fixture.Users(t, h.pool, 2)
	old := fixture.Queued(t, h.pool, book.ID, users, 1)
	held := fixture.Queued(t, h.pool, paused.ID, users, 1)
	_, err := h.pool.Exec(t.Context(), `WITH books AS (UPDATE books SET updated_at = updated_at - interval '1 day')
		UPDATE jobs SET created_at = created_at - interval '15 minutes'`)
	require.NoError(t, err)
	fresh := fixture.Queued(t, h.pool, book.ID, users, 1)
	require.NoError(t, h.sweeper.Claims(t.Context()))
	h.drain(t, book.ID)
	for _, id := range old {
		job := h.job(t, id)
		require.Equal(t, "expired", *job.ErrorCode)
		require.InDelta(t, coupon.ClaimOpen.Milliseconds(), job.WaitedMS, 10_000)
	}
	require.Equal(t, coupon.Succeeded, h.job(t, fresh[0]).Status)
	_, err = h.service.RetryJob(t.Context(), fixture.User(t, h.pool, coupon.Admin), h.claims, old[0])
	require.NoError(t, err)

	require.Equal(t, "expired", *h.job(t, held[0]).ErrorCode, "nothing held it")
	kept := fixture.Queued(t, h.pool, paused.ID, users, 1)
	_, err = h.service.MoveBook(t.Context(), fixture.Owner(paused), paused.ID, coupon.Paused)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET created_at = created_at - interval '1 day' WHERE status = 'queued'`)
	require.NoError(t, err)
	require.NoError(t, h.sweeper.Claims(t.Context()))
	require.Equal(t, coupon.Queued, h.job(t, kept[0]).Status)
	_, err = h.service.MoveBook(t.Context(), fixture.Owner(paused), paused.ID, coupon.Active)
	require.NoError(t, err)
	h.drain(t, paused.ID)
	require.Equal(t, coupon.Succeeded, h.job(t, kept[0]).Status)
	fixture.Verify(t, h.pool)
}

// A job that waits is ended by its submitter, whom it is for, or the book's
// manager; one that a worker has begun, or that has ended, is not.
func TestCancelOfJobsThatWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	users, owner := fixture.Users(t, h.pool, 3), fixture.Owner(book)
	ids := fixture.Queued(t, h.pool, book.ID, users, 1)
	batch, err := h.service.SubmitClaimBatch(t.Context(), owner, batchFor(book, users))
	require.NoError(t, err)
	codes := h.generate(t, book, 100, "")
	for _, c := range []struct {
		id uuid.UUID
		by int
	}{{ids[0], 0}, {ids[0], 0}, {batch.Job.ID, -1}, {codes, -1}} {
		who := owner
		if c.by >= 0 {
			who = users[c.by]
		}
		job, err := h.service.CancelJob(t.Context(), who, c.id)
		require.NoError(t, err)
		require.Equal(t, coupon.Canceled, job.Status)
		require.True(t, job.Done())
	}
	_, err = h.service.CancelJob(t.Context(), users[1], ids[2])
	require.ErrorIs(t, err, coupon.ErrJobNotFound)
	require.Equal(t, service.Drained{Granted: 2}, h.drain(t, book.ID))
	made, err := h.service.Generate(t.Context(), codes)
	require.NoError(t, err)
	require.Zero(t, made)
	_, err = h.service.CancelJob(t.Context(), users[1], ids[1])
	require.ErrorIs(t, err, coupon.ErrJobDone)
	running := h.generate(t, book, 100, "")
	_, err = h.store.StartBulk(t.Context(), running)
	require.NoError(t, err)
	_, err = h.service.CancelJob(t.Context(), owner, running)
	require.ErrorIs(t, err, coupon.ErrJobKind)
	h.service.Close()
	require.Subset(t, h.queue.Done, []uuid.UUID{ids[0], batch.Job.ID, codes})
	fixture.Verify(t, h.pool)
}

// Cancels and a drain race for the same claims: each has one end.
func TestCancelsBesideADrain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 200, 0)
	users := fixture.Users(t, h.pool, 200)
	ids := fixture.Queued(t, h.pool, book.ID, users, 1)
	together(201, func(i int) {
		if i == 200 {
			_, err := h.drainer.Drain(t.Context(), book.ID)
			require.NoError(t, err)
			return
		}
		if _, err := h.service.CancelJob(t.Context(), users[i], ids[i]); err != nil {
			require.ErrorIs(t, err, coupon.ErrJobDone)
		}
	})
	h.drain(t, book.ID)
	ends := fixture.Outcomes(t, h.pool, book.ID)
	require.Equal(t, 200, ends["succeeded"]+ends["canceled"], "%v", ends)
	fixture.Verify(t, h.pool)
}

// One submitter's jobs run one after the other, so that whoever comes with one
// job does not wait for all of them; the next is rung for at once.
func TestOneSubmitterHasOnePlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	greedy, modest := fixture.Book(t, h.pool, 0, 0), fixture.Book(t, h.pool, 0, 0)
	first := h.generate(t, greedy, 10, "")
	var others []uuid.UUID
	for range 150 {
		others = append(others, h.generate(t, greedy, 10, ""))
	}
	late := h.generate(t, modest, 10, "")
	run, err := h.store.StartBulk(t.Context(), first)
	require.NoError(t, err)
	line, err := h.service.RunBulk(t.Context(), coupon.GenerateJob, others[0])
	require.NoError(t, err)
	require.Equal(t, "0 codes made", line)
	require.Equal(t, coupon.Queued, h.job(t, others[0]).Status)
	_, err = h.service.RunBulk(t.Context(), coupon.GenerateJob, late)
	require.NoError(t, err)
	require.Equal(t, coupon.Succeeded, h.job(t, late).Status)

	h.age(t)
	h.service.Close()
	h.queue.Rung = nil
	require.NoError(t, h.sweeper.Bulk(t.Context()))
	require.ElementsMatch(t, []uuid.UUID{first, others[0]}, h.queue.Rung, "not all of his")
	_, err = h.service.RunBulk(t.Context(), coupon.GenerateJob, run.ID)
	require.NoError(t, err)
	h.service.Close()
	require.Equal(t, others[0], h.queue.Rung[len(h.queue.Rung)-1], "the next one has its turn at once")
	fixture.Verify(t, h.pool)
}

// The pace of a queue is known from groups that were large enough to tell, and
// a waiting claim gets an honest guess from it.
func TestTheEstimateOfAQueue(t *testing.T) {
	t.Parallel()
	require.Nil(t, coupon.DrainRate(nil, 3, time.Second))
	rate := coupon.DrainRate(nil, 500, 50*time.Millisecond)
	require.InDelta(t, 10_000, *rate, 1)
	require.InDelta(t, 10_000, *coupon.DrainRate(rate, 1, 50*time.Millisecond), 100, "a lone claim tells little")
	require.InDelta(t, 7_500, *coupon.DrainRate(rate, 500, 100*time.Millisecond), 1)

	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2000, 0)
	users := fixture.Users(t, h.pool, 1200)
	fixture.Queued(t, h.pool, book.ID, users, 1)
	h.drain(t, book.ID)
	waiting := fixture.Queued(t, h.pool, book.ID, users, 1)
	first, last := h.job(t, waiting[0]), h.job(t, waiting[1199])
	require.EqualValues(t, 1, *first.Position)
	require.EqualValues(t, 1200, *last.Position)
	require.Positive(t, *last.LeftMS)
	require.Less(t, *first.LeftMS, *last.LeftMS)
	_, err := h.pool.Exec(t.Context(), `UPDATE book_stock SET drained_at = drained_at - interval '1 minute'`)
	require.NoError(t, err)
	require.Nil(t, h.job(t, waiting[0]).LeftMS, "nothing moves: nobody knows")
	h.drain(t, book.ID)
	ended := h.job(t, waiting[1199])
	require.Nil(t, ended.Position)
	require.Nil(t, ended.LeftMS)
	require.Positive(t, ended.WaitedMS)
	require.NotEqual(t, last.Version(), ended.Version())
	require.True(t, last.Behind(ended))
	require.False(t, ended.Behind(last))
}
