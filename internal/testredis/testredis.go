// Package testredis gives a test a Redis server of its own, so that it can be
// flushed, paused or killed. Tests only.
package testredis

import (
	"os"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"couponbook/internal/devservices"
	"couponbook/internal/redisdb"
)

// Server is a real Redis on the loopback.
type Server struct {
	URL string
	dir string
	now *devservices.Redis
}

// New starts a server that ends with the test. Without a Redis on this machine
// the test fails and says how to get one.
func New(tb testing.TB) *Server {
	tb.Helper()
	// Not t.TempDir: its name can be too long for what Redis puts below it.
	dir, err := os.MkdirTemp("", "couponbook-redis-")
	require.NoError(tb, err)
	s := &Server{dir: dir}
	s.Start(tb)
	tb.Cleanup(func() {
		require.NoError(tb, s.now.Stop())
		require.NoError(tb, os.RemoveAll(dir))
	})
	return s
}

// Start starts the server again after Stop, at the same address and with what
// it had.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	var err error
	s.now, err = devservices.StartRedis(tb.Context(), devservices.RedisOptions{Dir: s.dir})
	require.NoError(tb, err)
	if s.URL != "" {
		require.Equal(tb, s.URL, s.now.URL, "Redis came back at another address")
	}
	s.URL = s.now.URL
}

// Stop ends the server; its clients meet a closed port.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, s.now.Stop())
}

// Pause makes the server silent: connections stay open and nothing answers.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, syscall.Kill(s.now.Pid(), syscall.SIGSTOP))
	tb.Cleanup(func() { s.Resume(tb) })
}

// Resume ends a pause.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, syscall.Kill(s.now.Pid(), syscall.SIGCONT))
}

// Client returns a client for a use, closed at the test's end.
func (s *Server) Client(tb testing.TB, use redisdb.Use) redis.UniversalClient {
	tb.Helper()
	client, err := redisdb.Open(s.URL, use)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, client.Close()) })
	return client
}
