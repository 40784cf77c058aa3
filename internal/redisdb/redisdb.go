// Package redisdb opens connections to Redis: from one URL, with the time
// limits that each use needs, and only to a server that keeps what it is given.
package redisdb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUnreachable is a Redis that does not answer.
var ErrUnreachable = errors.New("cannot reach Redis: check REDIS_URL and that the server runs")

// MinVersion is the oldest Redis that asynq's scripts run on.
const MinVersion = "6.2"

// Use is what a client is for; it decides its time limits.
type Use int

// The uses.
const (
	ForQueues  Use = iota // asynq, the channel of finished jobs
	ForMutexes            // redsync: a dead Redis must cost a moment, not seconds
)

// Open makes a client for redis://, redis-sentinel:// (?master_name=) or
// redis-cluster://, the latter two with more hosts separated by commas; with
// rediss in place of redis it speaks TLS. It does not connect yet: the product
// serves while Redis is away.
func Open(address string, use Use) (redis.UniversalClient, error) {
	options, err := parse(address)
	if err != nil {
		if wrong, ok := errors.AsType[*url.Error](err); ok {
			err = wrong.Err // the error itself would print the password
		}
		return nil, fmt.Errorf("REDIS_URL is not an address like redis://host:6379/0, rediss://…, "+
			"redis-sentinel://host1,host2/0?master_name=… or redis-cluster://host1,host2: %w", err)
	}
	// By default go-redis ignores the context's end and waits 5 s, four times.
	options.ContextTimeoutEnabled = true
	options.DialTimeout = time.Second
	options.ReadTimeout, options.WriteTimeout = 2*time.Second, 2*time.Second
	options.MaxRetries = 1
	options.DialerRetries = 1
	options.PoolSize = 64
	if use == ForMutexes {
		options.DialTimeout = 250 * time.Millisecond
		options.ReadTimeout, options.WriteTimeout = 250*time.Millisecond, 250*time.Millisecond
		options.MaxRetries = -1
		options.PoolSize = 16
	}
	return redis.NewUniversalClient(options), nil
}

// parse understands the schemes of go-redis and, for several hosts, one more.
func parse(address string) (*redis.UniversalOptions, error) {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return nil, errors.New("it has no scheme")
	}
	switch scheme {
	case "redis", "rediss", "unix":
		one, err := redis.ParseURL(address)
		if err != nil {
			return nil, err
		}
		return &redis.UniversalOptions{
			Addrs: []string{one.Addr}, Username: one.Username, Password: one.Password, DB: one.DB, TLSConfig: one.TLSConfig,
		}, nil
	case "redis-sentinel", "redis-cluster", "rediss-sentinel", "rediss-cluster":
		options, err := parseMany(strings.Replace(scheme, "rediss", "redis", 1), rest)
		if err == nil && strings.HasPrefix(scheme, "rediss") {
			options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		return options, err
	}
	return nil, fmt.Errorf("unknown scheme %q", scheme)
}

func parseMany(scheme, rest string) (*redis.UniversalOptions, error) {
	userinfo, hosts := "", rest
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		userinfo, hosts = rest[:at+1], rest[at+1:]
	}
	end := strings.IndexAny(hosts, "/?")
	if end < 0 {
		end = len(hosts)
	}
	addresses := strings.Split(hosts[:end], ",")
	first, err := url.Parse("redis://" + userinfo + addresses[0] + hosts[end:])
	if err != nil {
		return nil, err
	}
	options := &redis.UniversalOptions{Username: first.User.Username()}
	options.Password, _ = first.User.Password()
	port := "6379"
	if scheme == "redis-sentinel" {
		port = "26379"
		if options.MasterName = first.Query().Get("master_name"); options.MasterName == "" {
			return nil, errors.New("redis-sentinel needs ?master_name=")
		}
		if db := strings.Trim(first.Path, "/"); db != "" {
			if options.DB, err = strconv.Atoi(db); err != nil || options.DB < 0 {
				return nil, fmt.Errorf("database %q is not a number", db)
			}
		}
	} else {
		if options.IsClusterMode = true; strings.Trim(first.Path, "/") != "" {
			return nil, errors.New("a cluster has no numbered databases")
		}
	}
	for _, host := range addresses {
		if host == "" {
			return nil, errors.New("a host is empty")
		}
		if !strings.Contains(host, ":") {
			host += ":" + port
		}
		options.Addrs = append(options.Addrs, host)
	}
	return options, nil
}

// Check fails unless Redis answers, is new enough and refuses to evict: an
// evicting Redis silently drops tasks. A server that hides its settings, as
// managed ones do, is believed.
func Check(ctx context.Context, client redis.UniversalClient) error {
	info, err := client.Info(ctx, "server").Result()
	if err != nil && strings.Contains(err.Error(), "is not supported") || err == nil && !strings.Contains(info, "redis_version") {
		info, err = client.Info(ctx).Result() // miniredis knows no sections
	}
	if err != nil && (strings.HasPrefix(err.Error(), "NOAUTH") || strings.HasPrefix(err.Error(), "WRONGPASS")) {
		return fmt.Errorf("Redis refuses the user or password of REDIS_URL: %w", err) //nolint:staticcheck // a name
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if version := field(info, "redis_version"); version != "" && older(version, MinVersion) {
		return fmt.Errorf("the server is Redis %s: use %s or newer", version, MinVersion)
	}
	policy, err := client.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		return nil //nolint:nilerr // CONFIG is off on managed servers: nothing to see there
	}
	if name := policy["maxmemory-policy"]; name != "" && name != "noeviction" {
		return fmt.Errorf("Redis may evict tasks (maxmemory-policy %s): set maxmemory-policy noeviction, "+ //nolint:staticcheck // a name
			"and keep caches in another Redis", name)
	}
	return nil
}

func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}

func older(version, than string) bool {
	var major, minor, wantMajor, wantMinor int
	_, _ = fmt.Sscanf(version, "%d.%d", &major, &minor)
	_, _ = fmt.Sscanf(than, "%d.%d", &wantMajor, &wantMinor)
	return major < wantMajor || major == wantMajor && minor < wantMinor
}
