package mutex_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/mutex"
	"couponbook/internal/redisdb"
	"couponbook/internal/testredis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// key is where the mutex that these tests use lives in Redis.
const key = "couponbook:mutex:book:1"

func try(t *testing.T, m *mutex.Mutexes, work func(context.Context) error) error {
	t.Helper()
	return m.Try(t.Context(), "book:1", work)
}

func nothing(context.Context) error { return nil }

// While one works, another process is turned away at once; other names are
// free, and so is this one once the work is done.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	mine, other := mutex.New(s.Client(t, redisdb.ForMutexes)), mutex.New(s.Client(t, redisdb.ForMutexes))
	ran := 0
	require.NoError(t, try(t, mine, func(ctx context.Context) error {
		ran++
		refused := func(context.Context) error { ran += 100; return nil }
		require.ErrorIs(t, try(t, other, refused), mutex.ErrTaken)
		require.ErrorIs(t, try(t, mine, refused), mutex.ErrTaken)
		return other.Try(ctx, "book:2", func(context.Context) error { ran++; return nil })
	}))
	require.Equal(t, 2, ran)
	require.NoError(t, try(t, other, func(context.Context) error { ran++; return nil }))
	require.Equal(t, 3, ran)
}

// However the work ends, the mutex is free and the end is the caller's.
func TestTheMutexIsReleased(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	client := s.Client(t, redisdb.ForMutexes)
	m := mutex.New(client)
	free := func() {
		t.Helper()
		require.Zero(t, client.Exists(t.Context(), key).Val())
		require.NoError(t, try(t, m, nothing))
	}
	require.NoError(t, try(t, m, func(ctx context.Context) error {
		require.EqualValues(t, 1, client.Exists(ctx, key).Val())
		return nil
	}))
	free()

	broken := errors.New("broken")
	require.ErrorIs(t, try(t, m, func(context.Context) error { return broken }), broken)
	free()

	require.PanicsWithValue(t, "defect", func() { _ = try(t, m, func(context.Context) error { panic("defect") }) })
	free()

	ctx, leave := context.WithCancel(t.Context())
	require.ErrorIs(t, m.Try(ctx, "book:1", func(ctx context.Context) error {
		leave()
		return ctx.Err()
	}), context.Canceled)
	free()
}

// extensions tells of every mutex that was extended: the script that does so
// sets a new time to live.
type extensions chan struct{}

func (e extensions) DialHook(next redis.DialHook) redis.DialHook { return next }
func (e extensions) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (e extensions) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if strings.HasPrefix(cmd.Name(), "eval") && len(cmd.Args()) == 6 && err == nil { // … script, 1, key, value, time
			e <- struct{}{}
		}
		return err
	}
}

func (e extensions) await(t *testing.T) {
	t.Helper()
	select {
	case <-e:
	case <-time.After(5 * time.Second):
		require.FailNow(t, "nobody extends the mutex")
	}
}

// Work that takes longer than the mutex lives keeps it: every second it gets
// its three seconds again.
func TestLongWorkKeepsTheMutex(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	client := s.Client(t, redisdb.ForMutexes)
	extended := make(extensions, 8)
	client.AddHook(extended)
	m := mutex.New(client)
	require.NoError(t, try(t, m, func(ctx context.Context) error {
		require.InDelta(t, 3*time.Second, client.PTTL(ctx, key).Val(), float64(time.Second))
		for range 2 {
			// As if most of its time had passed; a second later it would be gone.
			require.NoError(t, client.PExpire(ctx, key, 1800*time.Millisecond).Err())
			extended.await(t)
			require.InDelta(t, 3*time.Second, client.PTTL(ctx, key).Val(), float64(time.Second))
		}
		return nil
	}))
	require.Zero(t, client.Exists(t.Context(), key).Val())
}

// A holder who lost the mutex, for want of extending, does not take it from
// whoever has it now, neither by an extension nor by his release.
func TestALostMutexIsLeftToItsNewHolder(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	client := s.Client(t, redisdb.ForMutexes)
	extended := make(extensions, 8)
	client.AddHook(extended)
	require.NoError(t, try(t, mutex.New(client), func(ctx context.Context) error {
		require.NoError(t, client.Set(ctx, key, "someone else", 10*time.Second).Err())
		extended.await(t) // tried, and left alone
		return nil
	}))
	require.Equal(t, "someone else", client.Get(t.Context(), key).Val())
	require.Greater(t, client.PTTL(t.Context(), key).Val(), 5*time.Second)
}

// A Redis that refuses connections or is silent delays the work by a moment
// and does not stop it; when it is back, mutexes are given out again.
func TestWorkGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*testredis.Server, testing.TB){
		"stopped": (*testredis.Server).Stop,
		"silent":  (*testredis.Server).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testredis.New(t)
			m := mutex.New(s.Client(t, redisdb.ForMutexes))
			require.NoError(t, try(t, m, nothing)) // it has a connection
			away(s, t)
			ran, start := 0, time.Now()
			broken := errors.New("broken")
			require.ErrorIs(t, try(t, m, func(context.Context) error { ran++; return broken }), broken)
			require.Equal(t, 1, ran)
			require.Less(t, time.Since(start), 1500*time.Millisecond)
		})
	}
}

// A Redis that falls silent during the work does not change its outcome, and
// the caller has it soon.
func TestRedisIsLostDuringTheWork(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	m := mutex.New(s.Client(t, redisdb.ForMutexes))
	var worked time.Time
	require.NoError(t, try(t, m, func(context.Context) error {
		s.Pause(t)
		worked = time.Now()
		return nil
	}))
	require.Less(t, time.Since(worked), 1500*time.Millisecond)
}

// After an outage the mutex does its work again.
func TestMutexesComeBackWithRedis(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	m := mutex.New(s.Client(t, redisdb.ForMutexes))
	s.Stop(t)
	require.NoError(t, try(t, m, nothing))
	s.Start(t)
	require.NoError(t, try(t, m, func(context.Context) error {
		require.ErrorIs(t, try(t, m, nothing), mutex.ErrTaken)
		return nil
	}))
}

// Work whose time is over is not begun.
func TestNoWorkAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	end()
	m := mutex.New(testredis.New(t).Client(t, redisdb.ForMutexes))
	require.ErrorIs(t, m.Try(ctx, "book", func(context.Context) error { panic("it was begun") }), context.Canceled)
}
