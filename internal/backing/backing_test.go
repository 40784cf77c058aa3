package backing_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/backing"
	"couponbook/internal/postgres"
	"couponbook/internal/redisdb"
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
	address := testdb.NewURL(t)
	target, err := url.Parse(address)
	require.NoError(t, err)
	upstream := target.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	target.Host = listener.Addr().String()
	require.NoError(t, listener.Close()) // nobody is there
	ctx, stop := context.WithCancel(t.Context())
	connected := make(chan error, 1)
	connect := func() {
		s, err := backing.Connect(ctx, target.String(), 2, redis.URL)
		if err == nil {
			s.Close()
		}
		connected <- err
	}
	go connect()
	<-time.After(50 * time.Millisecond)
	require.Empty(t, connected, "it waits")
	stop()
	require.Error(t, <-connected)

	ctx = t.Context()
	go connect()
	<-time.After(50 * time.Millisecond)
	listener, err = net.Listen("tcp", target.Host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
	require.NoError(t, <-connected)
}
