//nolint:paralleltest // the environment is the process's: these tests run one after another
package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/config"
	"couponbook/internal/limit"
)

const (
	database = "postgres://db/couponbook"
	redis    = "redis://cache:6379/0"
	secret   = "0123456789abcdef0123456789abcdef"
	previous = "fedcba9876543210fedcba9876543210"
)

func a(n int) limit.Rate { return limit.Rate{Count: n, Per: time.Minute} }

// defaultRates are those of docs/operations.md.
func defaultRates() limit.Rates {
	in := func(n int, per time.Duration) limit.Rate { return limit.Rate{Count: n, Per: per} }
	return limit.Rates{
		Requests: a(1200), KeyRequests: a(300_000), Anonymous: a(300), Claims: a(60), SignIns: in(10, 15*time.Minute),
		SignInsFrom: in(100, 15*time.Minute), SignInsTo: in(100, 15*time.Minute), Registrations: in(60, time.Hour),
		WrongCodes: in(10, 10*time.Minute), WrongFrom: in(50, 10*time.Minute),
	}
}

// setenv makes exactly these variables of ours set, for this test.
func setenv(t *testing.T, set map[string]string) {
	t.Helper()
	var names []string
	for field := range reflect.TypeFor[config.Config]().Fields() {
		names = append(names, field.Tag.Get("env"), field.Tag.Get("env")+"_FILE")
	}
	for field := range reflect.TypeFor[limit.Rates]().Fields() {
		names = append(names, "LIMIT_"+field.Tag.Get("env"))
	}
	for _, name := range names {
		if name == "" || name == "_FILE" {
			continue
		}
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
		AccessTTL: 15 * time.Minute, SessionIdle: 7 * 24 * time.Hour, SessionMost: 30 * 24 * time.Hour, Rates: defaultRates(), CookieSecure: true, WebhookPorts: []int{443}, APIConnections: 20, WorkerConnections: 20, ShedAfter: 15 * time.Second, TraceRatio: 0.01, LogLevel: "info", GCPercent: 200, Demo: true,
	}, c)
}

// Every variable reaches its field.
func TestVariables(t *testing.T) {
	setenv(t, map[string]string{
		"DATABASE_URL": database, "REDIS_URL": redis, "LISTEN": ":1", "METRICS_LISTEN": ":2", "AUTH_SECRET": secret,
		"AUTH_SECRET_PREVIOUS": previous, "ACCESS_TTL": "5m", "SESSION_IDLE": "1h", "SESSION_MAX": "2h", "CORS_ORIGINS": "https://a.example,http://b.example:8080",
		"LIMIT_REQUESTS": "1/1m", "LIMIT_KEY_REQUESTS": "2/1m", "LIMIT_ANONYMOUS": "3/1m", "LIMIT_CLAIMS": "4/1m", "LIMIT_SIGN_INS": "5/1m",
		"LIMIT_SIGN_INS_FROM": "6/1m", "LIMIT_SIGN_INS_TO": "7/1m", "LIMIT_REGISTRATIONS": "8/1m", "LIMIT_WRONG_CODES": "off", "LIMIT_WRONG_CODES_FROM": "10/1m",
		"COOKIE_SECURE": "false", "SHOWCASE": "true", "TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1", "API_DB_CONNECTIONS": "3",
		"WORKER_DB_CONNECTIONS": "4", "SHED_AFTER": "0", "TRACE_RATIO": "0.5", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "LOG_LEVEL": "debug", "GOGC": "150", "COUPONBOOK_POSTGRES": "npm", "DEMO": "0",
		"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOW_RANGES": "127.0.0.0/8,::1/128", "WEBHOOK_PORTS": "443,8443",
	})
	c, err := config.ReadAPI()
	require.NoError(t, err)
	require.Equal(t, config.Config{
		DatabaseURL: database, RedisURL: redis, Listen: ":1", Metrics: ":2", AuthSecret: secret,
		AuthSecretPrevious: previous, AccessTTL: 5 * time.Minute, SessionIdle: time.Hour, SessionMost: 2 * time.Hour,
		CORSOrigins: []string{"https://a.example", "http://b.example:8080"},
		Rates: limit.Rates{
			Requests: a(1), KeyRequests: a(2), Anonymous: a(3), Claims: a(4), SignIns: a(5), SignInsFrom: a(6), SignInsTo: a(7),
			Registrations: a(8), WrongFrom: a(10),
		},
		CookieSecure: false, Showcase: true, TrustedProxies: []string{"10.0.0.0/8", "192.0.2.1"},
		APIConnections: 3, WorkerConnections: 4, TracesTo: "http://c:4318", TraceRatio: 0.5, LogLevel: "debug", GCPercent: 150, DevPostgres: "npm", Demo: false,
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
		"short previous":    {"AUTH_SECRET_PREVIOUS", secret[1:], []string{"AUTH_SECRET_PREVIOUS has 31 bytes"}},
		"the same secret":   {"AUTH_SECRET_PREVIOUS", secret, []string{"are the same"}},
		"short token":       {"ACCESS_TTL", "59s", []string{"ACCESS_TTL is 59s", "1m0s to 1h0m0s"}},
		"long token":        {"ACCESS_TTL", "61m", []string{"ACCESS_TTL is 1h1m0s"}},
		"idle for ever":     {"SESSION_IDLE", "721h", []string{"SESSION_IDLE is 721h0m0s", "5m0s to 720h0m0s"}},
		"endless session":   {"SESSION_MAX", "10000h", []string{"SESSION_MAX is 10000h0m0s"}},
		"origin with path":  {"CORS_ORIGINS", "https://a.example/x", []string{`CORS_ORIGINS has "https://a.example/x"`}},
		"any origin":        {"CORS_ORIGINS", "*", []string{"CORS_ORIGINS has"}},
		"proxy by name":     {"TRUSTED_PROXIES", "proxy", []string{`TRUSTED_PROXIES has "proxy"`}},
		"hasty shedding":    {"SHED_AFTER", "999ms", []string{"SHED_AFTER is 999ms", "1s to 10m"}},
		"no collector":      {"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", []string{`OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4318"`, "http://"}},
		"too many traces":   {"TRACE_RATIO", "1.5", []string{"TRACE_RATIO is 1.5", "to 1"}},
		"late shedding":     {"SHED_AFTER", "11m", []string{"SHED_AFTER is 11m0s", "1s to 10m"}},
		"backwards session": {"ACCESS_TTL", "-1h", []string{"ACCESS_TTL is -1h0m0s"}},
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

// The longest and the shortest token are allowed.
func TestTokenLimits(t *testing.T) {
	for _, ttl := range []string{"1m", "1h"} {
		set := enough()
		set["ACCESS_TTL"] = ttl
		setenv(t, set)
		_, err := config.ReadAPI()
		require.NoError(t, err)
	}
}

// Secrets come from files too; a file that is not there, or beside a value, is
// told.
func TestSecretFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	set := enough()
	delete(set, "AUTH_SECRET")
	set["AUTH_SECRET_FILE"] = file
	setenv(t, set)
	c, err := config.ReadAPI()
	require.NoError(t, err)
	require.Equal(t, secret, c.AuthSecret)

	set["AUTH_SECRET"] = secret
	setenv(t, set)
	_, err = config.ReadAPI()
	require.ErrorContains(t, err, "AUTH_SECRET and AUTH_SECRET_FILE are both set")
	delete(set, "AUTH_SECRET")
	set["AUTH_SECRET_FILE"] = file + "-gone"
	setenv(t, set)
	_, err = config.ReadAPI()
	require.ErrorContains(t, err, "AUTH_SECRET_FILE cannot be read")
}

// Everything that is wrong is told at once.
func TestAllWrongValuesAreTold(t *testing.T) {
	setenv(t, map[string]string{"ACCESS_TTL": "0"})
	_, err := config.ReadAPI()
	for _, name := range []string{"AUTH_SECRET", "ACCESS_TTL", "DATABASE_URL", "REDIS_URL"} {
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
		{"ACCESS_TTL", "an hour"},
		{"LIMIT_CLAIMS", "many"},
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
