package devservices

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What was written is there after a stop and a start, and meanwhile nobody else
// gets the directory.
func TestPostgresKeepsData(t *testing.T) {
	t.Parallel()
	o := PostgresOptions{Dir: filepath.Join(t.TempDir(), "made", "on demand"), Fast: true, MaxConnections: 33}

	first := startedPostgres(t, o)
	require.NotEmpty(t, first.Picked)
	require.Contains(t, first.URL, "@127.0.0.1:")
	require.Equal(t, "couponbook", queryText(t, first.URL, "SELECT current_database()"))
	require.Equal(t, "33", queryText(t, first.URL, "SHOW max_connections"))
	require.Equal(t, "off", queryText(t, first.URL, "SHOW fsync"))
	require.Equal(t, "UTF8", queryText(t, first.URL, "SHOW server_encoding"))
	require.Equal(t, "127.0.0.1", queryText(t, first.URL, "SHOW listen_addresses"))
	execute(t, first.URL, "CREATE TABLE kept AS SELECT 'kept' AS word")

	_, err := StartPostgres(t.Context(), o)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, o.Dir)
	require.ErrorContains(t, err, strconv.Itoa(os.Getpid()))

	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop())
	<-first.Exited()

	o.Fast, o.MaxConnections = false, 0
	second := startedPostgres(t, o)
	require.Equal(t, "kept", queryText(t, second.URL, "SELECT word FROM kept"))
	require.Equal(t, "on", queryText(t, second.URL, "SHOW fsync"))
	require.Equal(t, "200", queryText(t, second.URL, "SHOW max_connections"))
}

// The npm package runs where no Postgres is installed, with its libraries.
func TestPostgresFromNPM(t *testing.T) {
	t.Parallel()
	p := startedPostgres(t, PostgresOptions{Dir: t.TempDir(), Fast: true, machine: machineWithout("postgres")})

	require.Contains(t, p.Picked, "npm package")
	require.Contains(t, p.Picked, "no postgres is installed")
	require.Equal(t, "pg17", filepath.Base(p.Dir))
	require.True(t, strings.HasPrefix(queryText(t, p.URL, "SHOW server_version"), "17.10"))
	require.Equal(t, "ä", queryText(t, p.URL, `SELECT lower('Ä' COLLATE "de-x-icu")`))
	execute(t, p.URL, "CREATE EXTENSION pgcrypto")
}

// Forcing npm works although a Postgres is installed, as in our CI.
func TestPostgresSourceNPM(t *testing.T) {
	t.Parallel()
	found, err := findPostgres(t.Context(), thisMachine(), identity{home: t.TempDir(), owner: keepOwner}, "npm", cacheForTest(t), nil)
	require.NoError(t, err)
	require.Equal(t, 17, found.major)
	require.Contains(t, found.picked, "npm was asked for")
}

// Nothing that was committed is lost when the server is killed.
func TestPostgresSurvivesKill(t *testing.T) {
	t.Parallel()
	o := PostgresOptions{Dir: t.TempDir()}
	first := startedPostgres(t, o)
	execute(t, first.URL, "CREATE TABLE kept AS SELECT generate_series(1, 1000)")

	require.NoError(t, syscall.Kill(first.Pid(), syscall.SIGKILL))
	<-first.Exited()
	require.NoError(t, first.Stop())

	second := startedPostgres(t, o)
	require.Equal(t, "1000", queryText(t, second.URL, "SELECT count(*)::text FROM kept"))
}

// A start picks up whatever a killed run may have left: a cluster half made, a
// server still running, and a process number that somebody else has by now.
func TestPostgresPicksUpAfterKilledRun(t *testing.T) {
	t.Parallel()
	o := PostgresOptions{Dir: t.TempDir(), Fast: true}
	draft := filepath.Join(o.Dir, "pg15.new", "data")
	require.NoError(t, os.MkdirAll(draft, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(draft, "half"), nil, 0o600))
	first := startedPostgres(t, o)
	execute(t, first.URL, "CREATE TABLE kept AS SELECT 'kept' AS word")

	// A lock file of another name stands for the lock that a killed run lost.
	require.NoError(t, os.Rename(filepath.Join(o.Dir, "pg.lock"), filepath.Join(o.Dir, "lost.lock")))
	second := startedPostgres(t, o)
	<-first.Exited()
	require.Equal(t, "kept", queryText(t, second.URL, "SELECT word FROM kept"))
	require.NoError(t, second.Stop())

	pidFile := filepath.Join(second.Dir, "data", "postmaster.pid")
	for _, stale := range []string{strconv.Itoa(os.Getpid()), ""} {
		require.NoError(t, os.WriteFile(pidFile, []byte(stale), 0o600))
		third := startedPostgres(t, o)
		require.Equal(t, "kept", queryText(t, third.URL, "SELECT word FROM kept"))
		require.NoError(t, third.Stop())
	}
}

// Where user namespaces are refused, root still gets a Postgres.
func TestPostgresWithoutUserNamespace(t *testing.T) {
	t.Parallel()
	m := thisMachine()
	m.namespaces = false
	dir := t.TempDir()
	p := startedPostgres(t, PostgresOptions{Dir: dir, Fast: true, machine: &m})
	if os.Geteuid() == 0 {
		require.Contains(t, p.Picked, "as nobody")
		home, err := os.Readlink(filepath.Join(dir, "elsewhere"))
		require.NoError(t, err)
		require.Equal(t, filepath.Dir(p.Dir), home)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	} else {
		require.Equal(t, dir, filepath.Dir(p.Dir))
	}
	require.Equal(t, "1", queryText(t, p.URL, "SELECT '1'"))
}
