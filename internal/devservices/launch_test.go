package devservices

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func cacheForTest(t *testing.T) string {
	t.Helper()
	cache, err := cacheOf("", t.TempDir())
	require.NoError(t, err)
	return cache
}

func posedLaunch(t *testing.T, body string) launch {
	t.Helper()
	program := filepath.Join(scripts(t, map[string]string{"server": body}), "server")
	return launch{
		name: "posed",
		dir:  t.TempDir(),
		command: func(ctx context.Context, _ int) *exec.Cmd {
			return exec.CommandContext(ctx, program)
		},
		ready:    func(context.Context, int, int) error { return errors.New("no answer yet") },
		ladder:   redisLadder,
		patience: 300 * time.Millisecond,
	}
}

// A server that never answers is stopped, and the end of its log is told.
func TestLaunchQuotesLog(t *testing.T) {
	t.Parallel()
	l := posedLaunch(t, "for n in $(seq 40); do echo line $n; done; exec sleep 600")
	_, _, err := l.run(t.Context())
	require.ErrorContains(t, err, "start posed: it gave no answer in time")
	require.ErrorContains(t, err, l.logPath())
	require.ErrorContains(t, err, "  line 40\nlast answer: no answer yet")
	require.NotContains(t, err.Error(), "line 20")
}

// A server that ignores the polite signal is killed, and the error says so.
func TestChildIsKilledAtLast(t *testing.T) {
	t.Parallel()
	l := posedLaunch(t, `trap "" TERM; echo ready; while :; do sleep 600 & wait; done`)
	l.ready = func(context.Context, int, int) error {
		if readLog(l.logPath()) != "ready" {
			return errors.New("not yet")
		}
		return nil
	}
	l.patience = 10 * time.Second
	c, _, err := l.run(t.Context())
	require.NoError(t, err)
	err = c.stop(rung{redisLadder[0].signal, 50 * time.Millisecond})
	require.ErrorContains(t, err, "was killed")
	<-c.exited
}

// The port stays the same while it is free, and gives way when it is not.
func TestPickPort(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "port")
	remembers := func() bool { // another test may snatch the port meanwhile
		free, err := freePort(t.Context(), 0)
		require.NoError(t, err)
		require.NoError(t, rememberPort(file, free))
		picked, err := pickPort(t.Context(), file)
		require.NoError(t, err)
		return picked == free
	}
	require.Eventually(t, remembers, 10*time.Second, time.Millisecond)

	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	_, text, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	require.NoError(t, rememberPort(file, port))
	picked, err := pickPort(t.Context(), file)
	require.NoError(t, err)
	require.NotEqual(t, port, picked)

	require.NoError(t, os.WriteFile(file, []byte("nonsense"), 0o600))
	_, err = pickPort(t.Context(), file)
	require.NoError(t, err)
}

// Whoever comes second waits for the first download, and a failed one leaves
// nothing behind.
func TestDownloadOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache", "thing")
	require.ErrorIs(t, downloadOnce(t.Context(), dir, func(string) error { return os.ErrDeadlineExceeded }), os.ErrDeadlineExceeded)
	require.NoDirExists(t, dir)
	require.NoDirExists(t, dir+".new")

	fetched := make(chan struct{}, 10)
	results := make(chan error, 4)
	for range cap(results) {
		go func() {
			results <- downloadOnce(t.Context(), dir, func(draft string) error {
				fetched <- struct{}{}
				return os.WriteFile(filepath.Join(draft, "file"), []byte(strconv.Itoa(os.Getpid())), 0o600)
			})
		}()
	}
	for range cap(results) {
		require.NoError(t, <-results)
	}
	require.Len(t, fetched, 1)
	require.FileExists(t, filepath.Join(dir, "file"))
}
