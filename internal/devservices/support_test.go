package devservices

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// startedPostgres starts a server that stops when the test ends.
func startedPostgres(t *testing.T, o PostgresOptions) *Postgres {
	t.Helper()
	p, err := StartPostgres(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

// startedRedis starts a server that stops when the test ends.
func startedRedis(t *testing.T, o RedisOptions) *Redis {
	t.Helper()
	r, err := StartRedis(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Stop()) })
	return r
}

func execute(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

func queryText(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&text))
	return text
}

// machineWithout is this machine, but for some programs.
func machineWithout(names ...string) *machine {
	m := thisMachine()
	m.lookPath = func(name string) (string, error) {
		if slices.Contains(names, name) {
			return "", exec.ErrNotFound
		}
		return exec.LookPath(name)
	}
	if slices.Contains(names, "postgres") {
		m.postgresDirs = nil
	}
	return &m
}

// scripts writes shell scripts that pose as programs, where every user can
// run them, and answers their directory.
func scripts(t *testing.T, bodies map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	for name, body := range bodies {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
		require.NoError(t, os.Chmod(path, 0o755))
	}
	return dir
}

// machineWith is this machine, with scripts in place of some programs.
func machineWith(t *testing.T, bodies map[string]string) *machine {
	t.Helper()
	dir := scripts(t, bodies)
	m := thisMachine()
	m.postgresDirs = nil
	m.lookPath = func(name string) (string, error) {
		if _, posed := bodies[name]; posed {
			return filepath.Join(dir, name), nil
		}
		return exec.LookPath(name)
	}
	return &m
}
