package redisdb_test

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"couponbook/internal/redisdb"
	"couponbook/internal/testredis"
)

// A Redis of the right kind is taken; one that may evict loses tasks, and is
// refused under every policy there is.
func TestCheckRefusesARedisThatEvicts(t *testing.T) {
	t.Parallel()
	client := testredis.New(t).Client(t, redisdb.ForQueues)
	require.NoError(t, redisdb.Check(t.Context(), client))
	for _, policy := range []string{
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
	} {
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", policy).Err())
		err := redisdb.Check(t.Context(), client)
		require.ErrorContains(t, err, policy)
		require.ErrorContains(t, err, "set maxmemory-policy noeviction")
		require.NotErrorIs(t, err, redisdb.ErrUnreachable)
	}
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	require.NoError(t, redisdb.Check(t.Context(), client))
}

// A Redis that does not answer is told apart: it may come back.
func TestCheckOfARedisThatIsAway(t *testing.T) {
	t.Parallel()
	s := testredis.New(t)
	client := s.Client(t, redisdb.ForMutexes)
	s.Stop(t)
	err := redisdb.Check(t.Context(), client)
	require.ErrorIs(t, err, redisdb.ErrUnreachable)
	require.ErrorContains(t, err, "check REDIS_URL")
	require.ErrorContains(t, err, "connection refused")
	s.Start(t)
	require.NoError(t, redisdb.Check(t.Context(), client))

	s.Pause(t)
	require.ErrorIs(t, redisdb.Check(t.Context(), client), redisdb.ErrUnreachable)

	gone, leave := context.WithCancel(t.Context())
	leave()
	require.ErrorIs(t, redisdb.Check(gone, client), context.Canceled)
}

// imitation speaks as servers do that are not to be had here: old ones, and
// managed ones that hide their settings. An empty version is not told.
func imitation(t *testing.T, version string, settings server.Cmd) redis.UniversalClient {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(s.Close)
	info := "# Server\r\nredis_mode:standalone\r\n"
	if version != "" {
		info += "redis_version:" + version + "\r\nos:Linux\r\n"
	}
	require.NoError(t, s.Register("INFO", func(c *server.Peer, _ string, _ []string) { c.WriteBulk(info) }))
	if settings != nil {
		require.NoError(t, s.Register("CONFIG", settings))
	}
	return open(t, "redis://"+s.Addr().String(), redisdb.ForQueues)
}

// asynq's scripts need 6.2; versions are compared as numbers, not as text. A
// server that hides its version or its settings is believed.
func TestCheckOfOtherServers(t *testing.T) {
	t.Parallel()
	for version, old := range map[string]bool{
		"2.8.24": true, "5.0.14": true, "6.0.16": true, "6.1.99": true, "6.2.0": false, "6.10.1": false, "7.0.15": false,
		"8.2": false, "10.0.0": false, "255.255.255": false, "": false,
	} {
		err := redisdb.Check(t.Context(), imitation(t, version, nil))
		if !old {
			require.NoError(t, err, version)
			continue
		}
		require.ErrorContains(t, err, "Redis "+version)
		require.ErrorContains(t, err, "use 6.2 or newer")
		require.NotErrorIs(t, err, redisdb.ErrUnreachable)
	}
}

// What a managed server answers about its settings, an empty answer or a
// refusal, is no reason not to start.
func TestCheckOfAServerThatHidesItsSettings(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]server.Cmd{
		"empty":   func(c *server.Peer, _ string, _ []string) { c.WriteLen(0) },
		"refused": func(c *server.Peer, _ string, _ []string) { c.WriteError("NOPERM this user has no permissions") },
	} {
		require.NoError(t, redisdb.Check(t.Context(), imitation(t, "7.2.4", answer)), name)
	}
	evicting := imitation(t, "7.2.4", func(c *server.Peer, _ string, _ []string) {
		c.WriteStrings([]string{"maxmemory-policy", "volatile-lru"})
	})
	require.ErrorContains(t, redisdb.Check(t.Context(), evicting), "volatile-lru")
}

// The Redis inside the process that `couponctl dev` falls back to is taken.
func TestCheckTakesTheOneInMemory(t *testing.T) {
	t.Parallel()
	client := open(t, "redis://"+miniredis.RunT(t).Addr(), redisdb.ForQueues)
	require.NoError(t, redisdb.Check(t.Context(), client))
}

// A wrong password will not mend by waiting: it stops the start.
func TestCheckOfAWrongPassword(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	redis.RequireAuth("right")
	for _, user := range []string{"", ":wrong@"} {
		err := redisdb.Check(t.Context(), open(t, "redis://"+user+redis.Addr(), redisdb.ForQueues))
		require.ErrorContains(t, err, "refuses the user or password")
		require.NotErrorIs(t, err, redisdb.ErrUnreachable)
	}
}
