package backing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/backing"
	"couponbook/internal/postgres"
	"couponbook/internal/redisdb"
	"couponbook/internal/tcpproxy"
	"couponbook/internal/testdb"
	"couponbook/internal/testredis"
)

// With everything in place the process connects, and its checks are well.
func TestConnect(t *testing.T) {
	t.Parallel()
	s, err := backing.Connect(t.Context(), testdb.NewURL(t), 2, testredis.New(t).URL)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Checks.Postgres(t.Context()))
	require.NoError(t, s.Checks.Migrations(t.Context()))
	require.NoError(t, s.Checks.Redis(t.Context()))
}

// A Redis that is away is no reason not to start; its check says so.
func TestConnectWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := testredis.New(t)
	redis.Stop(t)
	s, err := backing.Connect(t.Context(), testdb.NewURL(t), 2, redis.URL)
	require.NoError(t, err)
	defer s.Close()
	require.Error(t, s.Checks.Redis(t.Context()))
	redis.Start(t)
}

// What would break a promise stops the start.
func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	redis := testredis.New(t)
	_, err := backing.Connect(t.Context(), "nonsense", 2, redis.URL)
	require.ErrorContains(t, err, "DATABASE_URL")
	_, err = backing.Connect(t.Context(), testdb.NewEmptyURL(t), 2, redis.URL)
	require.ErrorIs(t, err, postgres.ErrSchema)
	_, err = backing.Connect(t.Context(), testdb.NewURL(t), 2, "nonsense")
	require.ErrorContains(t, err, "REDIS_URL")
	require.NoError(t, redis.Client(t, redisdb.ForQueues).ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	_, err = backing.Connect(t.Context(), testdb.NewURL(t), 2, redis.URL)
	require.ErrorContains(t, err, "noeviction")
}

// A Postgres that comes later is waited for, until the process is told to stop.
func TestConnectWaitsForPostgres(t *testing.T) {
	t.Parallel()
	redis := testredis.New(t)
	proxy, address, err := tcpproxy.Before(t.Context(), testdb.NewURL(t), "")
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	proxy.Set(tcpproxy.Refuse)
	connect := func(ctx context.Context) <-chan error {
		connected := make(chan error, 1)
		go func() {
			s, err := backing.Connect(ctx, address, 2, redis.URL)
			if err == nil {
				s.Close()
			}
			connected <- err
		}()
		<-time.After(50 * time.Millisecond)
		require.Empty(t, connected, "it waits")
		return connected
	}
	ctx, stop := context.WithCancel(t.Context())
	stopped := connect(ctx)
	stop()
	require.Error(t, <-stopped)

	connected := connect(t.Context())
	proxy.Set(tcpproxy.Pass)
	require.NoError(t, <-connected)
}
