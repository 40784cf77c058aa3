package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
)

// waitFor starts to wait for a job and returns once the wait is under way.
func waitFor(t *testing.T, h *house, id uuid.UUID) <-chan coupon.Job {
	t.Helper()
	follower, got := h.followers.Follow(id), make(chan coupon.Job, 1)
	go func() {
		defer follower.Close()
		if _, err := follower.Now(t.Context()); err != nil {
			return
		}
		job, err := follower.Until(t.Context(), 30*time.Second, coupon.Job.Done)
		if err == nil {
			got <- job
		}
	}()
	return got
}

// Who waits is woken by the message, or by looking again when it was lost, or
// by the end of the process; and by time.
func TestWaitingForAJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	ids := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 3), 1)
	told, lost := waitFor(t, h, ids[0]), waitFor(t, h, ids[1])
	require.NoError(t, h.followers.LookAgain(t.Context()), "nothing has ended yet")
	h.drain(t, book.ID)
	h.followers.Done(ids[:1])
	require.Equal(t, coupon.Succeeded, (<-told).Status)
	require.NoError(t, h.followers.LookAgain(t.Context()))
	require.Equal(t, coupon.Succeeded, (<-lost).Status)

	more := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 2), 1)
	follower := h.followers.Follow(more[0])
	defer follower.Close()
	job, err := follower.Until(t.Context(), time.Millisecond, coupon.Job.Done)
	require.NoError(t, err)
	require.Equal(t, coupon.Queued, job.Status)
	require.EqualValues(t, 1, *job.Position)
	require.EqualValues(t, 2, *h.job(t, more[1]).Position)

	stopped := waitFor(t, h, more[0])
	h.followers.Close()
	require.Equal(t, coupon.Queued, (<-stopped).Status)
}

// A client who goes away ends his wait at once, and a job that nobody submitted
// is not found.
func TestWaitsThatEndEarly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	ids := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, 1), 1)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	follower := h.followers.Follow(ids[0])
	defer follower.Close()
	_, err := follower.Until(ctx, time.Minute, coupon.Job.Done)
	require.ErrorIs(t, err, context.Canceled)

	unknown := h.followers.Follow(uuid.New())
	defer unknown.Close()
	_, err = unknown.Now(t.Context())
	require.ErrorIs(t, err, coupon.ErrJobNotFound)
}

// A job is there for whoever submitted it, whom it is for, the book's manager
// and admins, and for nobody else.
func TestWhoMaySeeAJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 5, 0)
	shop, customer := fixture.User(t, h.pool, coupon.Admin), fixture.User(t, h.pool, coupon.UserRole)
	got, err := h.claims.Submit(t.Context(), shop, service.ClaimRequest{
		BookID: book.ID, For: coupon.UserRef{ID: &customer.UserID}, Count: 1,
	})
	require.NoError(t, err)
	for _, p := range []struct {
		who  string
		may  bool
		role coupon.Role
		id   uuid.UUID
	}{
		{"submitter", true, coupon.Admin, shop.UserID},
		{"whom it is for", true, coupon.UserRole, customer.UserID},
		{"the book's manager", true, coupon.Manager, book.OwnerID},
		{"another admin", true, coupon.Admin, uuid.New()},
		{"another manager", false, coupon.Manager, uuid.New()},
		{"another user", false, coupon.UserRole, uuid.New()},
	} {
		caller := fixture.Owner(book)
		caller.Role, caller.UserID = p.role, p.id
		_, err := h.service.FollowJob(t.Context(), h.followers, caller, got.Job.ID, service.Patience{})
		if p.may {
			require.NoError(t, err, p.who)
		} else {
			require.ErrorIs(t, err, coupon.ErrJobNotFound, p.who)
		}
	}
}
