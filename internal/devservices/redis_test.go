package devservices

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// What was written is there after a stop and after a kill, and meanwhile nobody
// else gets the directory.
func TestRedisKeepsData(t *testing.T) {
	t.Parallel()
	o := RedisOptions{Dir: filepath.Join(t.TempDir(), "made", "on demand")}

	first := startedRedis(t, o)
	require.NotEmpty(t, first.Picked)
	require.False(t, first.InMemory)
	require.NotZero(t, first.Pid())
	for setting, want := range map[string]string{
		"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec",
		"save": "", "bind": "127.0.0.1", "protected-mode": "yes",
	} {
		got, err := redisClient(t, first.URL).ConfigGet(t.Context(), setting).Result()
		require.NoError(t, err)
		require.Equal(t, want, got[setting], setting)
	}
	writeRedis(t, first.URL)

	_, err := StartRedis(t.Context(), o)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, o.Dir)

	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop())
	<-first.Exited()

	second := startedRedis(t, o)
	requireRedisKept(t, second.URL)
	require.NoError(t, syscall.Kill(second.Pid(), syscall.SIGKILL))
	<-second.Exited()
	require.NoError(t, second.Stop())

	third := startedRedis(t, o)
	requireRedisKept(t, third.URL)
}

// A start ends the server that a killed run left, but nobody else's process.
func TestRedisPicksUpAfterKilledRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	home := filepath.Join(dir, "redis")
	require.NoError(t, os.Mkdir(home, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "redis.pid"), []byte(strconv.Itoa(os.Getppid())), 0o600))
	first := startedRedis(t, RedisOptions{Dir: dir})
	writeRedis(t, first.URL)

	// A lock file of another name stands for the lock that a killed run lost.
	require.NoError(t, os.Rename(filepath.Join(dir, "redis.lock"), filepath.Join(dir, "lost.lock")))
	second := startedRedis(t, RedisOptions{Dir: dir})
	<-first.Exited()
	requireRedisKept(t, second.URL)
}

// Without any Redis, and only where it is allowed, the imitation serves what
// queue and locks need, and lets keys expire.
func TestRedisInMemory(t *testing.T) {
	t.Parallel()
	o := RedisOptions{Dir: t.TempDir(), machine: machineWithout("redis-server", "valkey-server", "apt-get")}

	_, err := StartRedis(t.Context(), o)
	require.ErrorIs(t, err, errNoRedis)
	for _, want := range []string{"apt-get install redis-server", "brew install redis", "REDIS_URL"} {
		require.ErrorContains(t, err, want)
	}

	o.AllowInMemory = true
	r := startedRedis(t, o)
	require.True(t, r.InMemory)
	require.Zero(t, r.Pid())
	require.Contains(t, r.Picked, "IN MEMORY")
	client := redisClient(t, r.URL)
	writeRedis(t, r.URL)
	requireRedisKept(t, r.URL)
	sum, err := client.Eval(t.Context(), "return redis.call('INCRBY', KEYS[1], ARGV[1])", []string{"n"}, 5).Int()
	require.NoError(t, err)
	require.Equal(t, 5, sum)
	require.NoError(t, client.Set(t.Context(), "lock", "held", 100*time.Millisecond).Err())
	expired := func() bool { return errors.Is(client.Get(t.Context(), "lock").Err(), redis.Nil) }
	require.Eventually(t, expired, 10*time.Second, 20*time.Millisecond)

	_, err = StartRedis(t.Context(), o)
	require.ErrorIs(t, err, ErrBusy)
	require.NoError(t, r.Stop())
	<-r.Exited()
	require.NoError(t, startedRedis(t, o).Stop())
}

// A Redis that is too old is passed over, and the reason is told.
func TestRedisTooOld(t *testing.T) {
	t.Parallel()
	m := machineWith(t, map[string]string{"redis-server": `echo "Redis server v=6.0.16 sha=0:0"`, "apt-get": "echo E: no network; exit 100"})
	_, err := StartRedis(t.Context(), RedisOptions{Dir: t.TempDir(), CacheDir: t.TempDir(), machine: m})
	require.ErrorContains(t, err, "too old: version 6.0.16, needed is 6.2 or newer")
	require.ErrorContains(t, err, "REDIS_URL")
}

// Tests that want a Redis each get the program, from this system or its archive.
func TestRedisBinary(t *testing.T) {
	t.Parallel()
	path, env, picked, err := RedisBinary(t.Context(), "", nil)
	require.NoError(t, err)
	require.NotEmpty(t, picked)
	_, err = redisProgram{path: path, env: env}.version(t.Context(), thisMachine())
	require.NoError(t, err)
}
