package redisdb_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"couponbook/internal/redisdb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, address string, use redisdb.Use) redis.UniversalClient {
	t.Helper()
	client, err := redisdb.Open(address, use)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// optionsOf opens an address that has one server at a time.
func optionsOf(t *testing.T, address string, use redisdb.Use) *redis.Options {
	t.Helper()
	client, single := open(t, address, use).(*redis.Client)
	require.True(t, single, address)
	return client.Options()
}

// clusterOf opens the address of a cluster.
func clusterOf(t *testing.T, address string, use redisdb.Use) *redis.ClusterOptions {
	t.Helper()
	client, cluster := open(t, address, use).(*redis.ClusterClient)
	require.True(t, cluster, address)
	return client.Options()
}

// A URL of one server brings its address, user, password and database.
func TestOneServer(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]redis.Options{
		"redis://cache":                        {Addr: "cache:6379"},
		"redis://cache:7000/3":                 {Addr: "cache:7000", DB: 3},
		"redis://:pass@cache":                  {Addr: "cache:6379", Password: "pass"},
		"redis://ann:p%40ss%2F@cache:7000/2":   {Addr: "cache:7000", Username: "ann", Password: "p@ss/", DB: 2},
		"redis://[::1]:7000":                   {Addr: "[::1]:7000"},
		"rediss://ann:pass@cache.example:7000": {Addr: "cache.example:7000", Username: "ann", Password: "pass"},
	} {
		got := optionsOf(t, address, redisdb.ForQueues)
		require.Equal(t, want.Addr, got.Addr, address)
		require.Equal(t, want.Username, got.Username, address)
		require.Equal(t, want.Password, got.Password, address)
		require.Equal(t, want.DB, got.DB, address)
	}
}

// rediss means TLS that checks the server's name; redis means none.
func TestTLS(t *testing.T) {
	t.Parallel()
	require.Nil(t, optionsOf(t, "redis://cache", redisdb.ForQueues).TLSConfig)
	settings := optionsOf(t, "rediss://cache.example", redisdb.ForQueues).TLSConfig
	require.NotNil(t, settings)
	require.Equal(t, "cache.example", settings.ServerName)
	require.False(t, settings.InsecureSkipVerify)
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	got := optionsOf(t, "unix:///run/redis.sock?db=4", redisdb.ForQueues)
	require.Equal(t, "/run/redis.sock", got.Addr)
	require.Equal(t, "unix", got.Network)
	require.Equal(t, 4, got.DB)
}

// Behind sentinels is the master, at an address that only they know.
func TestSentinels(t *testing.T) {
	t.Parallel()
	got := optionsOf(t, "redis-sentinel://ann:p%2Fss@one,two:7000/5?master_name=main", redisdb.ForQueues)
	require.Equal(t, "FailoverClient", got.Addr)
	require.Equal(t, "ann", got.Username)
	require.Equal(t, "p/ss", got.Password)
	require.Equal(t, 5, got.DB)

	require.Zero(t, optionsOf(t, "redis-sentinel://one?master_name=main", redisdb.ForQueues).DB)
}

// A cluster is entered at any of its nodes, one being enough; they listen on
// 6379 unless told.
func TestCluster(t *testing.T) {
	t.Parallel()
	for address, nodes := range map[string][]string{
		"redis-cluster://ann:pass@one,two:7000,10.0.0.3": {"one:6379", "two:7000", "10.0.0.3:6379"},
		"redis-cluster://ann:pass@one":                   {"one:6379"},
		"redis-cluster://ann:pass@one:7000/":             {"one:7000"},
	} {
		got := clusterOf(t, address, redisdb.ForQueues)
		require.Equal(t, nodes, got.Addrs)
		require.Equal(t, "ann", got.Username)
		require.Equal(t, "pass", got.Password)
	}
}

// The context's end is the end, and nothing takes long: least of all a mutex,
// which is to cost a moment when Redis is dead.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"redis://cache", "rediss://cache", "redis-sentinel://one?master_name=main"} {
		queues := optionsOf(t, address, redisdb.ForQueues)
		require.True(t, queues.ContextTimeoutEnabled)
		require.Equal(t, time.Second, queues.DialTimeout)
		require.Equal(t, 2*time.Second, queues.ReadTimeout)
		require.Equal(t, 2*time.Second, queues.WriteTimeout)
		require.Equal(t, 1, queues.MaxRetries)

		mutexes := optionsOf(t, address, redisdb.ForMutexes)
		require.True(t, mutexes.ContextTimeoutEnabled)
		require.Equal(t, 250*time.Millisecond, mutexes.DialTimeout)
		require.Equal(t, 250*time.Millisecond, mutexes.ReadTimeout)
		require.Equal(t, 250*time.Millisecond, mutexes.WriteTimeout)
		require.Zero(t, mutexes.MaxRetries, "once and never again")
	}
	mutexes := clusterOf(t, "redis-cluster://one", redisdb.ForMutexes)
	require.True(t, mutexes.ContextTimeoutEnabled)
	require.Equal(t, 250*time.Millisecond, mutexes.ReadTimeout)
}

// An address that is none names its variable, the forms there are and the fault.
func TestBrokenAddresses(t *testing.T) {
	t.Parallel()
	for address, fault := range map[string]string{
		"":                                     "it has no scheme",
		"cache:6379":                           "it has no scheme",
		"http://cache":                         `unknown scheme "http"`,
		"REDIS://cache":                        `unknown scheme "REDIS"`,
		"redis://cache/first":                  "invalid database number",
		"redis://cache/1/2":                    "invalid URL path",
		"redis://cache:port":                   "invalid port",
		"unix://":                              "empty",
		"redis-sentinel://one":                 "redis-sentinel needs ?master_name=",
		"redis-sentinel://one?master_name=":    "redis-sentinel needs ?master_name=",
		"redis-sentinel://one/x?master_name=m": `database "x" is not a number`,
		"redis-sentinel://?master_name=m":      "a host is empty",
		"redis-cluster://":                     "a host is empty",
		"redis-cluster://one,,two":             "a host is empty",
		"redis-cluster://one,":                 "a host is empty",
		"redis-cluster://one:port":             "invalid port",
	} {
		client, err := redisdb.Open(address, redisdb.ForQueues)
		require.Nil(t, client, address)
		require.ErrorContains(t, err, "REDIS_URL", address)
		require.ErrorContains(t, err, fault, address)
		for _, form := range []string{"redis://", "rediss://", "redis-sentinel://", "redis-cluster://"} {
			require.ErrorContains(t, err, form)
		}
	}
}

// A damaged address is told without its password.
func TestNoPasswordInErrors(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"redis://:se%ZZcret@host", "redis-sentinel://:se%ZZcret@host?master_name=m"} {
		_, err := redisdb.Open(address, redisdb.ForQueues)
		require.ErrorContains(t, err, "invalid URL escape")
		require.NotContains(t, err.Error(), "cret")
	}
}

// Sentinels and clusters speak TLS too.
func TestTLSOfMany(t *testing.T) {
	t.Parallel()
	require.NotNil(t, clusterOf(t, "rediss-cluster://one,two", redisdb.ForQueues).TLSConfig)
	require.Nil(t, clusterOf(t, "redis-cluster://one,two", redisdb.ForQueues).TLSConfig)
	require.NotNil(t, optionsOf(t, "rediss-sentinel://one,two?master_name=m", redisdb.ForQueues).TLSConfig)
}
