package limit_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"couponbook/internal/limit"
	"couponbook/internal/redisdb"
	"couponbook/internal/testredis"
)

var few = limit.Rule{Name: "few", Rate: limit.Rate{Count: 4, Per: time.Hour}}

func connect(t *testing.T, server *testredis.Server) redis.UniversalClient {
	t.Helper()
	client, err := redisdb.Open(server.URL, redisdb.ForQueues)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// What Redis is asked is counted for all processes together, each caller by
// himself, and begins anew when it is forgotten.
func TestAsking(t *testing.T) {
	t.Parallel()
	client := connect(t, testredis.New(t))
	one, two := limit.New(client), limit.New(client)
	for i, l := range []*limit.Limits{one, two, one, two} {
		verdict := l.Ask(t.Context(), few, "ann")
		require.True(t, verdict.OK)
		require.Equal(t, 3-i, verdict.Remaining)
	}
	for _, l := range []*limit.Limits{one, two} {
		verdict := l.Ask(t.Context(), few, "ann")
		require.False(t, verdict.OK)
		require.InDelta(t, 15*time.Minute, verdict.Wait, float64(time.Minute))
		require.True(t, l.Ask(t.Context(), few, "ben").OK)
	}
	two.Forget(t.Context(), few, "ann")
	require.True(t, one.Ask(t.Context(), few, "ann").OK)
}

// While Redis is away each process counts for itself, and says no too.
func TestAskingWithoutRedis(t *testing.T) {
	t.Parallel()
	server := testredis.New(t)
	l := limit.New(connect(t, server))
	server.Pause(t)
	start := time.Now()
	for range 4 {
		require.True(t, l.Ask(t.Context(), few, "ann").OK)
	}
	require.False(t, l.Ask(t.Context(), few, "ann").OK)
	require.Less(t, time.Since(start), 4*time.Second)
	l.Forget(t.Context(), few, "ann") // here, at least
	require.True(t, l.Ask(t.Context(), few, "ann").OK)
}

// What is counted here is decided here at once; from half of the rate on the
// processes share it.
func TestCounting(t *testing.T) {
	t.Parallel()
	client := connect(t, testredis.New(t))
	one, two := limit.New(client), limit.New(client)
	many := limit.Rule{Name: "many", Rate: limit.Rate{Count: 100, Per: time.Hour}}
	for range 100 {
		require.True(t, one.Count(many, "ann").OK)
	}
	verdict := one.Count(many, "ann")
	require.False(t, verdict.OK)
	require.Positive(t, verdict.Wait)
	require.NoError(t, one.Share(t.Context()))

	passed := 0
	for ; two.Count(many, "ann").OK; passed++ {
		require.NoError(t, two.Share(t.Context()))
	}
	require.InDelta(t, 100, passed, 2, "half by itself, and the half that the other process left in Redis")
	require.True(t, two.Count(many, "ben").OK)
}

// Sharing fails without Redis, and counting goes on.
func TestSharingWithoutRedis(t *testing.T) {
	t.Parallel()
	server := testredis.New(t)
	l := limit.New(connect(t, server))
	for range 4 {
		require.True(t, l.Count(few, "ann").OK)
	}
	server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, l.Share(ctx))
	require.False(t, l.Count(few, "ann").OK)
}

// A try that was good is given back; one that failed is not.
func TestTrying(t *testing.T) {
	t.Parallel()
	l := limit.New(connect(t, testredis.New(t)))
	for range 50 {
		verdict, undo := l.Try(few, "ann")
		require.True(t, verdict.OK)
		undo()
	}
	for range 4 {
		verdict, _ := l.Try(few, "ann")
		require.True(t, verdict.OK)
		l.Failed(few, "ann")
	}
	verdict, _ := l.Try(few, "ann")
	require.False(t, verdict.OK)
	require.NoError(t, l.Share(t.Context()))
}

// A rule that is off asks nobody.
func TestOff(t *testing.T) {
	t.Parallel()
	var none *limit.Limits
	off := limit.Rule{Name: "off"}
	for range 100 {
		require.True(t, none.Ask(t.Context(), off, "ann").OK)
		require.True(t, none.Count(off, "ann").OK)
		verdict, undo := none.Try(off, "ann")
		require.True(t, verdict.OK)
		undo()
		none.Failed(off, "ann")
	}
}

// Rates are read as they are written; what is none says how one looks.
func TestRates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]limit.Rate{
		"60/1m": {Count: 60, Per: time.Minute}, "1/24h": {Count: 1, Per: 24 * time.Hour}, "off": {},
	} {
		var rate limit.Rate
		require.NoError(t, rate.UnmarshalText([]byte(text)))
		require.Equal(t, want, rate)
		var again limit.Rate
		require.NoError(t, again.UnmarshalText([]byte(rate.String())))
		require.Equal(t, rate, again)
	}
	for _, text := range []string{"", "60", "60/", "/1m", "0/1m", "-1/1m", "60/1ms", "60/25h", "x/1m", "60/1m/2", "on"} {
		var rate limit.Rate
		require.ErrorContains(t, rate.UnmarshalText([]byte(text)), `like "60/1m"`, text)
		require.Zero(t, rate)
	}
}
