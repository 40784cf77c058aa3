package devservices

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// When the process that started them is killed, the servers end too, and the
// next start finds all that was written.
func TestServersOfKilledProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	helper := exec.CommandContext(t.Context(), program, helperArg, dir)
	helper.Stderr = os.Stderr
	out, err := helper.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, helper.Start())
	var report helperReport
	decodeErr := json.NewDecoder(out).Decode(&report)
	if decodeErr == nil {
		execute(t, report.Postgres, "CREATE TABLE kept AS SELECT 'kept' AS word")
		writeRedis(t, report.Redis)
	}
	require.NoError(t, helper.Process.Kill())
	require.Error(t, helper.Wait())
	require.NoError(t, decodeErr)

	if runtime.GOOS == "linux" { // elsewhere the next start ends them
		gone := func() bool { return !alive(report.PostgresPid) && !alive(report.RedisPid) }
		require.Eventually(t, gone, 20*time.Second, 10*time.Millisecond)
	}
	p := startedPostgres(t, PostgresOptions{Dir: dir})
	require.Equal(t, "kept", queryText(t, p.URL, "SELECT word FROM kept"))
	r := startedRedis(t, RedisOptions{Dir: dir})
	requireRedisKept(t, r.URL)
	require.False(t, alive(report.PostgresPid))
	require.False(t, alive(report.RedisPid))
}

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(o)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func writeRedis(t *testing.T, url string) {
	t.Helper()
	require.NoError(t, redisClient(t, url).Set(t.Context(), "word", "kept", 0).Err())
}

func requireRedisKept(t *testing.T, url string) {
	t.Helper()
	word, err := redisClient(t, url).Get(t.Context(), "word").Result()
	require.NoError(t, err)
	require.Equal(t, "kept", word)
}
