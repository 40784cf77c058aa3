// Package config reads the environment into one validated value. Only the
// programs in cmd import it; everything else is handed values.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"couponbook/internal/auth"
	"couponbook/internal/limit"
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

	// AuthSecret signs tokens, cursors and links. While it is being replaced, what
	// the previous one signed is believed too.
	AuthSecret         string `env:"AUTH_SECRET"`
	AuthSecretPrevious string `env:"AUTH_SECRET_PREVIOUS"`
	// AccessTTL is how long an access token lives; sessions are carried on by
	// refresh tokens until they are idle for too long, or too old.
	AccessTTL   time.Duration `env:"ACCESS_TTL" envDefault:"15m"`
	SessionIdle time.Duration `env:"SESSION_IDLE" envDefault:"168h"`
	SessionMost time.Duration `env:"SESSION_MAX" envDefault:"720h"`
	// CookieSecure keeps session cookies off plain HTTP. Turn it off only on loopback.
	CookieSecure bool `env:"COOKIE_SECURE" envDefault:"true"`
	// Showcase has the web app offer what the rules refuse, too, and show the answer.
	Showcase bool `env:"SHOWCASE"`
	// TrustedProxies may set X-Forwarded-For; none by default.
	TrustedProxies []string `env:"TRUSTED_PROXIES"`
	// CORSOrigins are the other sites whose pages may call the API.
	CORSOrigins []string `env:"CORS_ORIGINS"`
	// Rates are how often callers may do what.
	Rates limit.Rates `envPrefix:"LIMIT_"`

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

	// TracesTo is where a collector of OpenTelemetry listens, like
	// http://collector:4318; empty: nobody collects.
	TracesTo string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// TraceRatio is the part of requests that are traced, from 0 to 1.
	TraceRatio float64 `env:"TRACE_RATIO" envDefault:"0.01"`

	LogLevel string `env:"LOG_LEVEL" envDefault:"info"`

	// GCPercent is Go's own setting: twice the usual leaves more of the machine for
	// claims, and a process that takes an upload stays small.
	GCPercent int `env:"GOGC" envDefault:"200"`

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
		if _, err := c.Keyring(); err != nil {
			wrong = append(wrong, err)
		}
		wrong = append(wrong, c.times()...)
		wrong = append(wrong, c.origins()...)
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
	given := env.ToMap(os.Environ())
	fileErr := readSecretFiles(given)
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: given})
	return c, errors.Join(append(append([]error{fileErr}, unreadable(err)...), check(c)...)...)
}

// secrets can come from a file, as orchestrators hand them out: NAME_FILE has its path.
var secrets = []string{"AUTH_SECRET", "AUTH_SECRET_PREVIOUS", "DATABASE_URL", "REDIS_URL"}

func readSecretFiles(given map[string]string) error {
	var wrong []error
	for _, name := range secrets {
		path, named := given[name+"_FILE"]
		if !named || path == "" {
			continue
		}
		if given[name] != "" {
			wrong = append(wrong, fmt.Errorf("%s and %s_FILE are both set: keep one", name, name))
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s_FILE cannot be read: %w", name, err))
			continue
		}
		given[name] = strings.TrimSpace(string(text))
	}
	return errors.Join(wrong...)
}

// Keyring is what tokens, cursors and links are signed with.
func (c Config) Keyring() (auth.Keyring, error) {
	switch {
	case len(c.AuthSecret) < auth.MinSecret:
		return auth.Keyring{}, fmt.Errorf("AUTH_SECRET has %d bytes, needs at least %d: make one with `openssl rand -hex 32`",
			len(c.AuthSecret), auth.MinSecret)
	case c.AuthSecretPrevious != "" && len(c.AuthSecretPrevious) < auth.MinSecret:
		return auth.Keyring{}, fmt.Errorf("AUTH_SECRET_PREVIOUS has %d bytes: set the other secret while AUTH_SECRET is changed, or nothing", len(c.AuthSecretPrevious))
	case c.AuthSecret == c.AuthSecretPrevious:
		return auth.Keyring{}, errors.New("AUTH_SECRET and AUTH_SECRET_PREVIOUS are the same: make a new AUTH_SECRET, or unset the other")
	}
	return auth.NewKeyring(c.AuthSecret, c.AuthSecretPrevious)
}

func (c Config) times() []error {
	var wrong []error
	for _, t := range []struct {
		name               string
		value, least, most time.Duration
	}{
		{"ACCESS_TTL", c.AccessTTL, time.Minute, time.Hour},
		{"SESSION_IDLE", c.SessionIdle, 5 * time.Minute, c.SessionMost},
		{"SESSION_MAX", c.SessionMost, time.Hour, 365 * 24 * time.Hour},
	} {
		if t.value < t.least || t.value > t.most {
			wrong = append(wrong, fmt.Errorf("%s is %s: use %s to %s", t.name, t.value, t.least, t.most))
		}
	}
	return wrong
}

func (c Config) origins() []error {
	var wrong []error
	for _, origin := range c.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			wrong = append(wrong, fmt.Errorf("CORS_ORIGINS has %q: use origins like https://shop.example.com, without a path", origin))
		}
	}
	for _, proxy := range c.TrustedProxies {
		_, addressErr := netip.ParseAddr(proxy)
		if _, err := netip.ParsePrefix(proxy); err != nil && addressErr != nil {
			wrong = append(wrong, fmt.Errorf("TRUSTED_PROXIES has %q: use addresses or networks like 10.0.0.0/8", proxy))
		}
	}
	return wrong
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
			} else if field, found = reflect.TypeFor[limit.Rates]().FieldByName(parse.Name); found {
				one = fmt.Errorf("LIMIT_%s cannot be read: %w", field.Tag.Get("env"), parse.Err)
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
	if to, err := url.Parse(c.TracesTo); c.TracesTo != "" && (err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https") {
		wrong = append(wrong, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT is %q: give the address of a collector, like http://collector:4318", c.TracesTo))
	}
	if c.TraceRatio < 0 || c.TraceRatio > 1 {
		wrong = append(wrong, fmt.Errorf("TRACE_RATIO is %g: use 0, for no traces, to 1, for all", c.TraceRatio))
	}
	if c.DatabaseURL == "" {
		wrong = append(wrong, errors.New("DATABASE_URL is not set: give a Postgres URL like postgres://user:password@host:5432/couponbook"))
	}
	if c.RedisURL == "" {
		wrong = append(wrong, errors.New("REDIS_URL is not set: give a Redis URL like redis://host:6379/0"))
	}
	return wrong
}
