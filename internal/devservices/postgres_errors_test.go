package devservices

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newPostgres poses as a version that is new enough; more comes after it.
const newPostgres = `[ "$1" = --version ] && echo "postgres (PostgreSQL) 16.4 (Posed)" && exit`

// Every way not to get a Postgres says what to do about it.
func TestPostgresErrors(t *testing.T) {
	t.Parallel()
	old := map[string]string{"postgres": `echo "postgres (PostgreSQL) 13.4"`, "initdb": ""}
	full := map[string]string{"postgres": newPostgres, "initdb": `echo "could not extend file: No space left on device" >&2; exit 1`}
	broken := map[string]string{
		"initdb":   `while [ "$1" != --pgdata ]; do shift; done; echo 16 > "$2/PG_VERSION"`,
		"postgres": newPostgres + "\n" + `echo "FATAL: a broken setting"; exit 1`,
	}
	fullLater := map[string]string{
		"initdb":   broken["initdb"],
		"postgres": newPostgres + "\n" + `echo "PANIC: could not write to file: No space left on device"; exit 1`,
	}
	failing := map[string]string{"npm": `echo "npm error getaddrinfo ENOTFOUND packages.example"; exit 1`, "postgres": "exit 127"}

	for name, test := range map[string]struct {
		machine *machine
		source  string
		is      error
		want    []string
	}{
		"no postgres and no npm": {machineWithout("postgres", "npm"), "", exec.ErrNotFound, []string{"no postgres is installed", "find npm", "Node.js", "DATABASE_URL"}},
		"npm fails":              {machineWith(t, failing), "", nil, []string{"has no initdb", "run npm ci", "ENOTFOUND packages.example", "DATABASE_URL"}},
		"too old":                {machineWith(t, old), "system", nil, []string{"too old: version 13.4, needed is 15 or newer", "brew install"}},
		"none installed":         {machineWithout("postgres"), "system", nil, []string{"no postgres is installed", "apt-get install postgresql"}},
		"empty directory":        {machineWithout(), t.TempDir(), nil, []string{"has no initdb", "DATABASE_URL"}},
		"unknown source":         {machineWithout(), "docker", nil, []string{`unknown source "docker"`, "system, npm"}},
		"disk full in initdb":    {machineWith(t, full), "system", ErrDiskFull, []string{"make cluster", "make room on the disk that holds"}},
		"disk full in start":     {machineWith(t, fullLater), "system", ErrDiskFull, []string{"make room on the disk that holds"}},
		"start fails":            {machineWith(t, broken), "system", nil, []string{"it ended at once", "server.log", "FATAL: a broken setting"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache := filepath.Join(t.TempDir(), "empty")
			_, err := StartPostgres(t.Context(), PostgresOptions{Dir: t.TempDir(), CacheDir: cache, Source: test.source, machine: test.machine})
			require.Error(t, err)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.ErrorContains(t, err, "start private postgres: ")
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// A start that failed leaves the directory free for the next one.
func TestPostgresStartCanceled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := StartPostgres(ctx, PostgresOptions{Dir: dir, Fast: true})
	require.ErrorIs(t, err, context.Canceled)

	held, err := tryLock(filepath.Join(dir, "pg.lock"))
	require.NoError(t, err)
	require.NoError(t, held.release())

	_, err = StartPostgres(t.Context(), PostgresOptions{})
	require.ErrorContains(t, err, "set Dir")
}

// Two majors side by side keep a cluster each, and the PATH comes first.
func TestPostgresDirs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, major := range []string{"9", "15", "17"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, major, "bin"), 0o700))
	}
	m := machineWithout("postgres")
	m.postgresDirs = []string{filepath.Join(root, "*", "bin")}
	require.Equal(t, []string{
		filepath.Join(root, "17", "bin"), filepath.Join(root, "15", "bin"), filepath.Join(root, "9", "bin"),
	}, postgresDirs(*m))

	m.lookPath = func(string) (string, error) { return filepath.Join(root, "15", "bin", "postgres"), nil }
	require.Equal(t, filepath.Join(root, "15", "bin"), postgresDirs(*m)[0])
}
