// Package config reads the environment into one validated value. Only the
// programs in cmd import it; everything else is handed values.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"

	"couponbook/internal/auth"
	"couponbook/internal/webhook"
)

// Config is what the API and the worker are told by their environment.
type Config struct {
	DatabaseURL string `env:"DATABASE_URL"`
	RedisURL    string `env:"REDIS_URL"`

	// Listen is where the API serves; Metrics where both serve /metrics and,
	// in the worker, /healthz and /readyz. Keep the second one private.
	Listen  string `env:"LISTEN" envDefault:":8080"`
	Metrics string `env:"METRICS_LISTEN" envDefault:"127.0.0.1:9090"`

	AuthSecret string        `env:"AUTH_SECRET"`
	SessionTTL time.Duration `env:"SESSION_TTL" envDefault:"1h"`
	// CookieSecure keeps session cookies off plain HTTP. Turn it off only on loopback.
	CookieSecure bool `env:"COOKIE_SECURE" envDefault:"true"`
	// TrustedProxies may set X-Forwarded-For; none by default.
	TrustedProxies []string `env:"TRUSTED_PROXIES"`

	// Webhooks go to public addresses only, by https. For development, plain HTTP
	// and named ranges (like 127.0.0.0/8) can be allowed.
	WebhookAllowHTTP   bool           `env:"WEBHOOK_ALLOW_HTTP"`
	WebhookAllowRanges []netip.Prefix `env:"WEBHOOK_ALLOW_RANGES"`
	WebhookPorts       []int          `env:"WEBHOOK_PORTS" envDefault:"443"`

	APIConnections    int `env:"API_DB_CONNECTIONS" envDefault:"20"`
	WorkerConnections int `env:"WORKER_DB_CONNECTIONS" envDefault:"20"`

	// ShedAfter is how long a book's oldest claim may wait while the API accepts
	// more; 0: however long.
	ShedAfter time.Duration `env:"SHED_AFTER" envDefault:"15s"`

	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`

	// GCPercent is Go's own setting. Our heaps are small, and collecting them
	// less often leaves more of the machine for claims.
	GCPercent int `env:"GOGC" envDefault:"400"`

	// For `couponctl dev` and tests: where the private Postgres comes from
	// (system, npm, or a directory of programs), and whether to hold the sale.
	DevPostgres string `env:"COUPONBOOK_POSTGRES"`
	Demo        bool   `env:"DEMO" envDefault:"true"`
}

// ReadAPI reads and checks what the API needs. An error names every variable
// that is wrong and says what to set.
func ReadAPI() (Config, error) {
	return read(func(c Config) []error {
		var wrong []error
		if len(c.AuthSecret) < auth.MinSecret {
			wrong = append(wrong, fmt.Errorf("AUTH_SECRET has %d bytes, needs at least %d: make one with `openssl rand -hex 32`",
				len(c.AuthSecret), auth.MinSecret))
		}
		if c.SessionTTL < time.Minute || c.SessionTTL > 24*time.Hour {
			wrong = append(wrong, fmt.Errorf("SESSION_TTL is %s: use 1m to 24h", c.SessionTTL))
		}
		if c.ShedAfter != 0 && (c.ShedAfter < time.Second || c.ShedAfter > 10*time.Minute) {
			wrong = append(wrong, fmt.Errorf("SHED_AFTER is %s: use 1s to 10m, or 0 to accept claims however long they wait", c.ShedAfter))
		}
		return append(wrong, c.services()...)
	})
}

// ReadWorker reads and checks what the worker needs.
func ReadWorker() (Config, error) { return read(Config.services) }

// ReadTool reads what the operator's tool can use; nothing of it is needed.
func ReadTool() (Config, error) { return read(func(Config) []error { return nil }) }

func read(check func(Config) []error) (Config, error) {
	c, err := env.ParseAs[Config]()
	return c, errors.Join(append(unreadable(err), check(c)...)...)
}

// unreadable names the variables whose values cannot be read, where the
// library names our fields.
func unreadable(err error) []error {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []error{err}
	}
	var wrong []error
	for _, one := range all.Errors {
		if parse, ok := errors.AsType[env.ParseError](one); ok {
			if field, found := reflect.TypeFor[Config]().FieldByName(parse.Name); found {
				one = fmt.Errorf("%s cannot be read: %w", field.Tag.Get("env"), parse.Err)
			}
		}
		wrong = append(wrong, one)
	}
	return wrong
}

// WebhookGuard says which addresses webhooks may go to.
func (c Config) WebhookGuard() webhook.Guard {
	return webhook.Guard{AllowHTTP: c.WebhookAllowHTTP, Ranges: c.WebhookAllowRanges, Ports: c.WebhookPorts}
}

func (c Config) services() []error {
	var wrong []error
	for name, n := range map[string]int{"API_DB_CONNECTIONS": c.APIConnections, "WORKER_DB_CONNECTIONS": c.WorkerConnections} {
		if n < 1 || n > 1000 {
			wrong = append(wrong, fmt.Errorf("%s is %d: use 1 to 1000", name, n))
		}
	}
	if c.DatabaseURL == "" {
		wrong = append(wrong, errors.New("DATABASE_URL is not set: give a Postgres URL like postgres://user:password@host:5432/couponbook"))
	}
	if c.RedisURL == "" {
		wrong = append(wrong, errors.New("REDIS_URL is not set: give a Redis URL like redis://host:6379/0"))
	}
	return wrong
}
