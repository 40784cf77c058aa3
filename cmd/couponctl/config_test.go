package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// checked runs `couponctl config check` with settings.
func checked(t *testing.T, set map[string]string) (string, error) {
	t.Helper()
	for name, value := range set {
		t.Setenv(name, value)
	}
	var out bytes.Buffer
	cmd := configCommand()
	cmd.SetArgs([]string{"check"})
	cmd.SetOut(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// What is wrong is told in sentences, each once; what is risky, too; a secret
// never.
func TestConfigCheck(t *testing.T) { //nolint:paralleltest // the environment is the process's
	out, err := checked(t, map[string]string{"DATABASE_URL": "", "REDIS_URL": "", "AUTH_SECRET": "my short secret"})
	require.Error(t, err)
	require.Contains(t, out, "wrong: AUTH_SECRET has 15 bytes, needs at least 32")
	require.Equal(t, 1, bytes.Count([]byte(out), []byte("DATABASE_URL is not set")))
	require.NotContains(t, out, "my short secret")

	set := map[string]string{
		"DATABASE_URL": "postgres://u:secret-1@db.example/couponbook", "REDIS_URL": "redis://cache.example:6379/0",
		"AUTH_SECRET": "0123456789abcdef0123456789abcdef", "COOKIE_SECURE": "false", "METRICS_LISTEN": ":9090",
	}
	out, err = checked(t, set)
	require.NoError(t, err)
	for _, words := range []string{"sslmode=prefer: use sslmode=verify-full", "use rediss://", "REDIS_URL has no password", "COOKIE_SECURE is false", "METRICS_LISTEN is :9090", "would start"} {
		require.Contains(t, out, words)
	}
	require.NotContains(t, out, "secret-1")
	require.NotContains(t, out, "0123456789abcdef")

	set["DATABASE_URL"], set["REDIS_URL"] = "postgres://u:p@db.example/couponbook?sslmode=verify-full", "rediss://:p@cache.example:6379/0"
	set["COOKIE_SECURE"], set["METRICS_LISTEN"] = "true", "127.0.0.1:9090"
	out, err = checked(t, set)
	require.NoError(t, err)
	require.Equal(t, "API and worker would start.\n", out)
}
