package service_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// follow reads the list of events from a place to its end, in small pages.
func (h *house) follow(t *testing.T, p auth.Principal, f service.EventFilter) (ids []string, next service.EventPlace) {
	t.Helper()
	for {
		page, err := h.service.Events(t.Context(), p, f, 7)
		require.NoError(t, err)
		for _, m := range page.Messages {
			ids = append(ids, m.ID)
		}
		f.After = page.Next
		if !page.More {
			return ids, page.Next
		}
	}
}

// A transaction that lingers holds back what comes after it: its own event is
// neither missed nor out of order, in the list and for endpoints.
func TestEventsWhileATransactionLingers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	admin := fixture.User(t, h.pool, coupon.Admin)
	r := fixture.NewReceiver(t)
	e, _ := h.listen(t, admin, r, "book.paused")
	filter := service.EventFilter{After: service.FirstEvent, Types: []string{"book.paused"}, BookID: &book.ID}
	h.tell(t, book, 1)
	h.dispatch(t, 1)
	before, place := h.follow(t, admin, filter)
	require.Len(t, before, 1)

	lingering, err := h.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = lingering.Exec(t.Context(), `INSERT INTO events (type, book_id, created_at) VALUES ('book.paused', $1, clock_timestamp())`, book.ID)
	require.NoError(t, err)
	h.tell(t, book, 20) // commits first
	filter.After = place
	none, same := h.follow(t, admin, filter)
	require.Empty(t, none, "what comes after the one that lingers waits for it")
	require.Equal(t, place, same)
	require.NoError(t, h.webhooks.Dispatch(t.Context()))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM webhook_deliveries`))

	require.NoError(t, lingering.Commit(t.Context()))
	h.dispatch(t, 22)
	rest, end := h.follow(t, admin, filter)
	require.Len(t, rest, 21)
	require.Less(t, rest[0], rest[1], "the one that lingered is the first")
	filter.After = service.FirstEvent
	again, same := h.follow(t, admin, filter)
	require.Equal(t, append(before, rest...), again, "the same order each time")
	require.Equal(t, end, same)
	h.deliver(t, e)
	require.Len(t, r.Got(), 22)
}

// Transactions are numbers: that of 10 comes after that of 9.
func TestTheListOfEventsEndsAtTheLastTransaction(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	admin := fixture.User(t, h.pool, coupon.Admin)
	h.tell(t, book, 3)
	_, err := h.pool.Exec(t.Context(), `
		UPDATE events SET xact = (7 + n)::text::xid8
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM events WHERE type = 'book.paused') numbered WHERE events.id = numbered.id`)
	require.NoError(t, err)

	page, err := h.service.Events(t.Context(), admin, service.EventFilter{After: service.FirstEvent, Types: []string{"book.paused"}}, 100)
	require.NoError(t, err)
	require.Len(t, page.Messages, 3, "of transactions 8, 9 and 10")
	require.False(t, page.More)
}

// Managers see what happened to their own; a page says where it goes on even
// when nothing on it is theirs.
func TestWhoSeesWhichEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, theirs := fixture.Book(t, h.pool, 1, 0), fixture.Book(t, h.pool, 1, 0)
	h.tell(t, mine, 2)
	h.tell(t, theirs, 3)
	h.settle(t)
	all := service.EventFilter{After: service.FirstEvent, Types: []string{"book.paused"}}
	got, _ := h.follow(t, fixture.Owner(mine), all)
	require.Len(t, got, 2)
	got, place := h.follow(t, fixture.User(t, h.pool, coupon.Manager), all)
	require.Empty(t, got)
	require.NotEqual(t, service.FirstEvent, place)
	got, _ = h.follow(t, fixture.User(t, h.pool, coupon.Admin), all)
	require.Len(t, got, 5)
	all.Types = []string{"book.nonsense"}
	_, err := h.service.Events(t.Context(), fixture.Owner(mine), all, 7)
	require.Equal(t, "types", fault(err))
}

// A coupon's events are numbered without a gap.
func TestSequenceNumbersOfACoupon(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	user := fixture.User(t, h.pool, coupon.UserRole)
	got, err := h.claim(t, user, book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	id := h.job(t, got.Job.ID).Coupons[0].ID
	_, err = h.till.Void(t.Context(), fixture.Owner(book), service.CouponRef(id.String()), service.ReasonInput{Reason: "lost"})
	require.NoError(t, err)
	h.settle(t)
	page, err := h.service.Events(t.Context(), fixture.Owner(book), service.EventFilter{After: service.FirstEvent, Types: []string{"coupon.*"}}, 10)
	require.NoError(t, err)
	for i, m := range page.Messages {
		data, ok := m.Data.(coupon.CouponsData)
		require.True(t, ok)
		require.Equal(t, i+1, data.Coupons[0].Sequence)
		require.Equal(t, id, data.Coupons[0].ID)
	}
	require.Len(t, page.Messages, 2)
}

// A job's end is told to its callback URL, signed as its endpoint's messages
// are; the URL must be on the origin of an endpoint of who submits.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	owner := fixture.Owner(book)
	r := fixture.NewReceiver(t)
	claim := func(url string) (service.Submission, error) {
		return h.claims.Submit(t.Context(), owner, service.ClaimRequest{BookID: book.ID, Count: 1, CallbackURL: url})
	}
	_, err := claim(r.URL + "/done")
	require.Equal(t, "/callback_url", fault(err))
	e, secret := h.listen(t, owner, r, "job.*")
	for _, bad := range []string{"nonsense", "http://user:x@" + r.Listener.Addr().String(), "https://" + r.Listener.Addr().String(), "http://127.0.0.1:1/"} {
		_, err = claim(bad)
		require.Equal(t, "/callback_url", fault(err), bad)
	}
	_, err = h.claims.Submit(t.Context(), fixture.User(t, h.pool, coupon.UserRole),
		service.ClaimRequest{BookID: book.ID, Count: 1, CallbackURL: r.URL})
	require.Equal(t, "/callback_url", fault(err), "someone else's endpoint")
	got, err := claim(r.URL + "/done")
	require.NoError(t, err)
	h.drain(t, book.ID)
	pool := fixture.Pool(t, h.pool, owner, fixture.Users(t, h.pool, 2))
	_, err = h.gives(t, book, pool, service.DistributionRequest{Terms: equal(1), CallbackURL: "http://127.0.0.1:1/"})
	require.Equal(t, "/callback_url", fault(err))
	job := h.distribute(t, book, pool, service.DistributionRequest{Terms: equal(1), CallbackURL: r.URL + "/given"})
	h.dispatch(t, 4)
	require.Equal(t, 4, h.deliver(t, e).Delivered)
	r.Verify(secret)
	urls := map[string]string{}
	for _, m := range r.Got() {
		urls[m.ID+m.Path] = string(m.Body)
	}
	require.Len(t, urls, 4, "the same message at both URLs, once each")
	details := h.count(t, `SELECT count(*) FROM webhook_attempts WHERE url LIKE '%/done' OR url LIKE '%/given'`)
	require.Equal(t, 2, details)
	require.Equal(t, coupon.Succeeded, h.job(t, got.Job.ID).Status)
	require.Equal(t, coupon.Succeeded, job.Status)
}

// For a day after the secret was changed, both sign.
func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := fixture.Owner(book)
	r := fixture.NewReceiver(t)
	e, old := h.listen(t, owner, r, "book.paused")
	_, _, err := h.webhooks.RotateSecret(t.Context(), fixture.User(t, h.pool, coupon.Manager), e.ID)
	require.ErrorIs(t, err, coupon.ErrEndpointNotFound)
	rotated, secret, err := h.webhooks.RotateSecret(t.Context(), owner, e.ID)
	require.NoError(t, err)
	require.InDelta(t, 24, time.Until(*rotated.OldSecretUntil).Hours(), 0.1)
	h.tell(t, book, 1)
	h.dispatch(t, 1)
	h.deliver(t, e)
	r.Verify(old)
	r.Verify(secret)
	_, err = h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET old_secret_until = now()`)
	require.NoError(t, err)
	h.tell(t, book, 1)
	h.dispatch(t, 2)
	h.deliver(t, e)
	r.Verify(secret)
	require.Error(t, r.Check(old), "the old secret does not sign any more")
}

// A replay goes on where a dead run stopped, and begins each delivery once.
func TestAReplayIsExact(t *testing.T) {
	t.Parallel()
	h, _, proxy := newCutHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	owner := fixture.Owner(book)
	e, _ := h.listen(t, owner, fixture.NewReceiver(t), "book.paused")
	for range 4 {
		h.tell(t, book, 1500)
	}
	h.settle(t)
	h.deliverAll(t, e)
	_, err := h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: e.ID, From: time.Now(), To: time.Now().Add(-time.Hour)})
	require.Equal(t, "/to", fault(err))
	_, err = h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: uuid.New()})
	require.ErrorIs(t, err, coupon.ErrEndpointNotFound)
	replay, err := h.webhooks.SubmitReplay(t.Context(), owner, service.ReplayRequest{EndpointID: e.ID, From: e.CreatedAt, To: time.Now()})
	require.NoError(t, err)
	h.dyingRuns(t, proxy, 3, replay.Job)
	require.Equal(t, 6000, h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND tries = 0 AND attempts = 1`))
	job := h.job(t, replay.Job.ID)
	require.Equal(t, job.Total, job.Processed)
	require.Contains(t, string(job.Result), `"deliveries": 6000`)
}

// fault is what an error says is wrong with the input.
func fault(err error) string {
	if refusal, ok := errors.AsType[*coupon.Error](err); ok && len(refusal.Fields) > 0 {
		return refusal.Fields[0].Pointer
	}
	return fmt.Sprint(err)
}

// deliverAll sends in turns until nothing is due.
func (h *house) deliverAll(t *testing.T, e coupon.Endpoint) {
	t.Helper()
	for sent := 1; sent > 0; {
		sent = h.deliver(t, e).Delivered
	}
}

// What looks for events again and again writes nothing where there are none: no
// lock of a row either, which is a transaction and a flush to the disk.
func TestLookingForEventsWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.tell(t, fixture.Book(t, h.pool, 1, 0), 1)
	look := func() (cursors string) {
		require.NoError(t, h.webhooks.Dispatch(t.Context()))
		require.NoError(t, h.sweeper.Activity(t.Context()))
		require.NoError(t, h.pool.QueryRow(t.Context(), `
			SELECT concat_ws(' ', w.xact, w.xmin, w.xmax, a.xact, a.xmin, a.xmax) FROM webhook_cursor w, activity_cursor a
			WHERE least(w.xact, a.xact) = (SELECT max(xact) FROM events)
			UNION ALL SELECT '' LIMIT 1`).Scan(&cursors))
		return cursors
	}
	require.Eventually(t, func() bool { return look() != "" }, time.Minute, 20*time.Millisecond, "other tests' transactions end")
	before := look()
	require.Equal(t, before, look())
}
