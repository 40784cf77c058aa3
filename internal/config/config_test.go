//nolint:paralleltest // the environment is the process's: these tests run one after another
package config_test

import (
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/config"
)

const (
	database = "postgres://db/couponbook"
	redis    = "redis://cache:6379/0"
	secret   = "0123456789abcdef0123456789abcdef"
)

// setenv makes exactly these variables of ours set, for this test.
func setenv(t *testing.T, set map[string]string) {
	t.Helper()
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("env")
		t.Setenv(name, "") // which restores it after the test
		require.NoError(t, os.Unsetenv(name))
	}
	for name, value := range set {
		t.Setenv(name, value)
	}
}

// enough is the least that the API needs.
func enough() map[string]string {
	return map[string]string{"DATABASE_URL": database, "REDIS_URL": redis, "AUTH_SECRET": secret}
}

// What can have a default has one, and the defaults are the safe choice.
func TestDefaults(t *testing.T) {
	setenv(t, enough())
	c, err := config.ReadAPI()
	require.NoError(t, err)
	require.Equal(t, config.Config{
		DatabaseURL: database, RedisURL: redis, Listen: ":8080", Metrics: "127.0.0.1:9090", AuthSecret: secret,
		SessionTTL: time.Hour, CookieSecure: true, WebhookPorts: []int{443}, APIConnections: 20, WorkerConnections: 20, ShedAfter: 15 * time.Second, LogLevel: "info", GCPercent: 400, Demo: true,
	}, c)
}

// Every variable reaches its field.
func TestVariables(t *testing.T) {
	setenv(t, map[string]string{
		"DATABASE_URL": database, "REDIS_URL": redis, "LISTEN": ":1", "METRICS_LISTEN": ":2", "AUTH_SECRET": secret,
		"SESSION_TTL": "90m", "COOKIE_SECURE": "false", "TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1", "API_DB_CONNECTIONS": "3",
		"WORKER_DB_CONNECTIONS": "4", "SHED_AFTER": "0", "LOG_LEVEL": "debug", "GOGC": "200", "COUPONBOOK_POSTGRES": "npm", "DEMO": "0",
		"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOW_RANGES": "127.0.0.0/8,::1/128", "WEBHOOK_PORTS": "443,8443",
	})
	c, err := config.ReadAPI()
	require.NoError(t, err)
	require.Equal(t, config.Config{
		DatabaseURL: database, RedisURL: redis, Listen: ":1", Metrics: ":2", AuthSecret: secret,
		SessionTTL: 90 * time.Minute, CookieSecure: false, TrustedProxies: []string{"10.0.0.0/8", "192.0.2.1"},
		APIConnections: 3, WorkerConnections: 4, LogLevel: "debug", GCPercent: 200, DevPostgres: "npm", Demo: false,
		WebhookAllowHTTP: true, WebhookPorts: []int{443, 8443},
		WebhookAllowRanges: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}, c)
}

// A wrong value stops the start with the variable's name and what to set.
func TestWrongValuesOfTheAPI(t *testing.T) {
	for name, c := range map[string]struct {
		variable, value string
		says            []string
	}{
		"no database":       {"DATABASE_URL", "", []string{"DATABASE_URL is not set", "postgres://"}},
		"no Redis":          {"REDIS_URL", "", []string{"REDIS_URL is not set", "redis://"}},
		"no secret":         {"AUTH_SECRET", "", []string{"AUTH_SECRET has 0 bytes", "at least 32", "openssl rand -hex 32"}},
		"short secret":      {"AUTH_SECRET", secret[1:], []string{"AUTH_SECRET has 31 bytes", "at least 32"}},
		"short session":     {"SESSION_TTL", "59s", []string{"SESSION_TTL is 59s", "1m to 24h"}},
		"long session":      {"SESSION_TTL", "24h1s", []string{"SESSION_TTL is 24h0m1s", "1m to 24h"}},
		"hasty shedding":    {"SHED_AFTER", "999ms", []string{"SHED_AFTER is 999ms", "1s to 10m"}},
		"late shedding":     {"SHED_AFTER", "11m", []string{"SHED_AFTER is 11m0s", "1s to 10m"}},
		"backwards session": {"SESSION_TTL", "-1h", []string{"SESSION_TTL is -1h0m0s", "1m to 24h"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := enough()
			set[c.variable] = c.value
			setenv(t, set)
			_, err := config.ReadAPI()
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
			require.NotContains(t, err.Error(), secret[1:])
		})
	}
}

// The longest and the shortest session are allowed.
func TestSessionLimits(t *testing.T) {
	for _, ttl := range []string{"1m", "24h"} {
		set := enough()
		set["SESSION_TTL"] = ttl
		setenv(t, set)
		_, err := config.ReadAPI()
		require.NoError(t, err)
	}
}

// Everything that is wrong is told at once.
func TestAllWrongValuesAreTold(t *testing.T) {
	setenv(t, map[string]string{"SESSION_TTL": "0"})
	_, err := config.ReadAPI()
	for _, name := range []string{"AUTH_SECRET", "SESSION_TTL", "DATABASE_URL", "REDIS_URL"} {
		require.ErrorContains(t, err, name)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 4)
}

// The worker issues no tokens: it needs its services and no secret.
func TestTheWorkerNeedsNoSecret(t *testing.T) {
	setenv(t, map[string]string{"DATABASE_URL": database, "REDIS_URL": redis})
	c, err := config.ReadWorker()
	require.NoError(t, err)
	require.Equal(t, database, c.DatabaseURL)

	setenv(t, nil)
	_, err = config.ReadWorker()
	require.ErrorContains(t, err, "DATABASE_URL is not set")
	require.ErrorContains(t, err, "REDIS_URL is not set")
	require.NotContains(t, err.Error(), "AUTH_SECRET")
}

// The operator's tool starts services of its own where none are named.
func TestTheToolNeedsNothing(t *testing.T) {
	setenv(t, nil)
	_, err := config.ReadTool()
	require.NoError(t, err)
}

// A value that is not even of its type stops every program.
func TestUnreadableValues(t *testing.T) {
	for _, c := range []struct{ variable, value string }{
		{"SESSION_TTL", "an hour"},
		{"COOKIE_SECURE", "perhaps"},
		{"API_DB_CONNECTIONS", "many"},
		{"WORKER_DB_CONNECTIONS", "1.5"},
		{"DEMO", "perhaps"},
		{"WEBHOOK_ALLOW_RANGES", "loopback"},
	} {
		t.Run(c.variable, func(t *testing.T) {
			set := enough()
			set[c.variable] = c.value
			setenv(t, set)
			for _, read := range []func() (config.Config, error){config.ReadAPI, config.ReadWorker, config.ReadTool} {
				_, err := read()
				require.ErrorContains(t, err, c.variable+" cannot be read")
				require.ErrorContains(t, err, c.value)
			}
		})
	}
}

// A pool without connections, or with more than Postgres could bear, is refused.
func TestConnectionCounts(t *testing.T) {
	for _, count := range []string{"0", "-1", "1001"} {
		set := enough()
		set["WORKER_DB_CONNECTIONS"] = count
		setenv(t, set)
		_, err := config.ReadWorker()
		require.ErrorContains(t, err, "WORKER_DB_CONNECTIONS is "+count+": use 1 to 1000")
	}
}
