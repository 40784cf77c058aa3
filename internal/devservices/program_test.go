package devservices

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// script makes a program for a test.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	return path
}

func logged(file string) string {
	text, _ := os.ReadFile(file)
	return string(text)
}

// A program gets its settings, writes to its log, and ends when asked to.
func TestProgramRunsAndStops(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := StartProgram(script(t, `trap 'echo bye; exit 0' TERM
echo "hello $NAME"
while :; do sleep 0.01; done`), []string{"NAME=couponbook"}, log)
	require.NoError(t, err)
	require.Positive(t, p.Pid())
	require.Eventually(t, func() bool { return logged(log) == "hello couponbook\n" }, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, p.Stop())
	<-p.Exited()
	require.Equal(t, "hello couponbook\nbye\n", logged(log))
	require.Equal(t, "exit status 0", p.State())
}

// A program that ends by itself says how.
func TestProgramThatEnds(t *testing.T) {
	t.Parallel()
	p, err := StartProgram(script(t, "exit 3"), nil, filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	<-p.Exited()
	require.Equal(t, "exit status 3", p.State())
	require.NoError(t, p.Stop(), "it has ended already")
}

func TestProgramThatCannotStart(t *testing.T) {
	t.Parallel()
	_, err := StartProgram(filepath.Join(t.TempDir(), "none"), nil, filepath.Join(t.TempDir(), "log"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = StartProgram(script(t, "exit 0"), nil, filepath.Join(t.TempDir(), "none", "log"))
	require.ErrorContains(t, err, "open log")
}

// A lock is held once, and free after its release.
func TestLockIsHeldOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(path)
	require.NoError(t, err)
	_, err = TryLock(path)
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, first.Release())
	second, err := TryLock(path)
	require.NoError(t, err)
	require.NoError(t, second.Release())
}

// The preferred port is taken when it is free, and another when it is not.
func TestFreePort(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, text, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	taken, err := strconv.Atoi(text)
	require.NoError(t, err)
	got, err := FreePort(t.Context(), taken)
	require.NoError(t, err)
	require.NotEqual(t, taken, got)
	again, err := FreePort(t.Context(), got)
	require.NoError(t, err)
	require.Equal(t, got, again)
}
