package groupcommit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"couponbook/internal/groupcommit"
)

func echo(_ context.Context, items []int) []groupcommit.Result[int] {
	results := make([]groupcommit.Result[int], len(items))
	for i, item := range items {
		results[i].Value = item
	}
	return results
}

// While one flush is under way, calls gather; they go out together, in order,
// cut at the greatest size.
func TestCallsGatherWhileAFlushIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var sizes []int
		group := groupcommit.New(4, func(ctx context.Context, items []int) []groupcommit.Result[int] {
			sizes = append(sizes, len(items))
			<-release
			return echo(ctx, items)
		})
		var callers sync.WaitGroup
		for i := range 7 {
			callers.Go(func() {
				got, err := group.Do(t.Context(), i)
				require.NoError(t, err)
				require.Equal(t, i, got)
			})
			synctest.Wait()
		}
		close(release)
		callers.Wait()
		require.Equal(t, []int{1, 4, 2}, sizes)
	})
}

// A caller who goes away does not take the others' flush with him.
func TestACallerWhoLeavesDoesNotCancelTheFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		group := groupcommit.New(10, func(ctx context.Context, items []int) []groupcommit.Result[int] {
			<-release
			require.NoError(t, ctx.Err())
			return echo(ctx, items)
		})
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := group.Do(ctx, 1)
			left <- err
		}()
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)

		stayed := make(chan error, 1)
		go func() {
			_, err := group.Do(t.Context(), 2)
			stayed <- err
		}()
		synctest.Wait()
		close(release)
		require.NoError(t, <-stayed)
	})
}

func TestCloseAnswersWhoWaitsAndRefusesWhoComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		group := groupcommit.New(10, func(ctx context.Context, items []int) []groupcommit.Result[int] {
			<-release
			return echo(ctx, items)
		})
		waited := make(chan error, 1)
		go func() {
			_, err := group.Do(t.Context(), 1)
			waited <- err
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() { group.Close(); close(closed) }()
		synctest.Wait()
		_, err := group.Do(t.Context(), 2)
		require.ErrorIs(t, err, groupcommit.ErrClosed)
		close(release)
		require.NoError(t, <-waited)
		<-closed
	})
}

// Items that are bad stay out alone, whatever their number and place.
func TestBisectFindsTheBadItems(t *testing.T) {
	t.Parallel()
	poison := errors.New("poison")
	for _, bad := range [][]int{{}, {0}, {99}, {3, 4}, {0, 50, 51, 99}} {
		isBad := map[int]bool{}
		for _, i := range bad {
			isBad[i] = true
		}
		items := make([]int, 100)
		for i := range items {
			items[i] = i
		}
		var applied []int
		failed := groupcommit.Bisect(items, func(part []int) error {
			for _, item := range part {
				if isBad[item] {
					return poison
				}
			}
			applied = append(applied, part...)
			return nil
		}, func(err error) bool { return errors.Is(err, poison) })
		require.Len(t, failed, len(bad))
		require.Len(t, applied, 100-len(bad))
		require.IsIncreasing(t, applied)
	}
}

// An error that is not about the items is not bisected: it would only repeat.
func TestBisectLeavesOtherErrorsAlone(t *testing.T) {
	t.Parallel()
	calls := 0
	down := errors.New("down")
	failed := groupcommit.Bisect([]int{1, 2, 3}, func([]int) error { calls++; return down },
		func(error) bool { return false })
	require.Equal(t, 1, calls)
	require.Equal(t, map[int]error{0: down, 1: down, 2: down}, failed)
	require.Empty(t, groupcommit.Bisect(nil, func([]int) error { return down }, func(error) bool { return true }))
}
