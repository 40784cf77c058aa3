package coupon_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// A delivery is tried eight times over about 28 hours, each pause a fifth
// shorter or longer by chance.
func TestTheScheduleOfADelivery(t *testing.T) {
	t.Parallel()
	failed := coupon.Attempt{Verdict: coupon.Retry}
	for _, chance := range []float64{0, 0.5, 1} {
		now := time.Now()
		d := coupon.Delivery{Status: coupon.DeliveryPending}
		var waited time.Duration
		for d.Status == coupon.DeliveryPending {
			d = d.After(failed, now, chance)
			if d.Status == coupon.DeliveryPending {
				waited += d.NextAttemptAt.Sub(now)
				now = d.NextAttemptAt
			}
		}
		require.Equal(t, coupon.MaxTries, d.Tries)
		require.Equal(t, 8, d.Attempts)
		require.Equal(t, coupon.DeliveryFailed, d.Status)
		require.InDelta(t, (27*time.Hour+35*time.Minute+5*time.Second).Seconds()*(0.8+0.4*chance), waited.Seconds(), 1)
	}
	now := time.Now()
	long := coupon.Delivery{}.After(coupon.Attempt{Verdict: coupon.Retry, RetryAfter: 24 * time.Hour}, now, 0.5)
	require.Equal(t, now.Add(24*time.Hour), long.NextAttemptAt, "as the endpoint asks")
	for _, end := range []coupon.Verdict{coupon.GiveUp, coupon.Disable} {
		require.Equal(t, coupon.DeliveryFailed, coupon.Delivery{}.After(coupon.Attempt{Verdict: end}, now, 0.5).Status)
	}
}

// The breaker opens after five failures in a row for 30 s, then twice as long
// each time, up to ten minutes. Answers keep it closed.
func TestTheBreakerOfAnEndpoint(t *testing.T) {
	t.Parallel()
	down, answered := coupon.Attempt{Verdict: coupon.Retry, Down: true}, coupon.Attempt{Verdict: coupon.Retry}
	now := time.Now()
	var h coupon.EndpointHealth
	for range 4 {
		h = h.After(down, now)
	}
	h = h.After(answered, now)
	require.Zero(t, h.Broken)
	for range 5 {
		require.False(t, h.Open(now))
		h = h.After(down, now)
	}
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		require.True(t, h.Open(now))
		require.Equal(t, want, h.OpenUntil.Sub(now))
		require.Equal(t, h.OpenUntil, h.After(down, now).OpenUntil, "what was under way does not open it again")
		now = *h.OpenUntil
		require.False(t, h.Open(now))
		require.True(t, h.Probing())
		h = h.After(down, now)
	}
	require.Equal(t, h, h.After(coupon.Attempt{Verdict: coupon.Retry, Unsent: true}, now), "nothing was sent")
	require.Equal(t, coupon.EndpointHealth{}, h.After(coupon.Attempt{}, now))
	busy := h.After(coupon.Attempt{Verdict: coupon.Retry, RetryAfter: time.Minute}, now)
	require.Equal(t, time.Minute, busy.OpenUntil.Sub(now), "who is busy is left alone")
	busy = h.After(coupon.Attempt{Verdict: coupon.Retry, RetryAfter: time.Hour}, now)
	require.Equal(t, 10*time.Minute, busy.OpenUntil.Sub(now), "but not for long")
	require.False(t, busy.Probing())
}

// The longest message is one that a receiver can be told to take.
func TestTheLongestMessage(t *testing.T) {
	t.Parallel()
	id, seq := uuid.New(), 1
	long := strings.Repeat("<", 500) // six bytes each, in JSON
	data, err := json.Marshal(map[string]string{"from": "ASSIGNED", "to": "VOID", "reason": long})
	require.NoError(t, err)
	code, external, email := strings.Repeat("W", 64), strings.Repeat("<", 200), strings.Repeat("e", 254)
	events := make([]coupon.ToldEvent, coupon.MaxEventsTogether)
	for i := range events {
		events[i] = coupon.ToldEvent{
			Type: coupon.CouponVoided, CouponID: &id, CouponSeq: &seq, BookID: &id, JobID: &id, UserID: &id, ActorID: &id,
			Data: data, Code: &code, ExternalID: &external, Email: &email,
		}
	}
	message, err := coupon.NewMessage(events, true)
	require.NoError(t, err)
	body, err := json.Marshal(message)
	require.NoError(t, err)
	require.Less(t, len(body), 4<<20)
}

// An endpoint is disabled after a hundred failures and five days, not before both.
func TestWhenAnEndpointIsGivenUp(t *testing.T) {
	t.Parallel()
	since := time.Now()
	day := func(n float64) time.Time { return since.Add(time.Duration(n * float64(24*time.Hour))) }
	h := coupon.EndpointHealth{Failures: 1000, FailingSince: &since}
	require.Zero(t, coupon.EndpointHealth{}.Percent(since))
	require.Equal(t, 0, h.Notice(day(2.4)))
	require.Equal(t, 50, h.Notice(day(2.5)))
	h.ToldPercent = 50
	require.Equal(t, 0, h.Notice(day(3)))
	require.Equal(t, 90, h.Notice(day(4.6)))
	require.Equal(t, 100, h.Notice(day(5)))
	h.Failures = 99
	require.Equal(t, 90, h.Notice(day(50)))
}

func TestSettingsOfAnEndpoint(t *testing.T) {
	t.Parallel()
	fine := coupon.EndpointSettings{URL: " https://example.com/ ", Events: []string{"coupon.*", "job.failed", "coupon.*"}}
	e, err := coupon.Endpoint{}.With(fine)
	require.NoError(t, err)
	require.Equal(t, []string{"coupon.*", "job.failed"}, e.Events)
	require.Equal(t, "https://example.com/", e.URL)
	many := make([]uuid.UUID, 101)
	for _, bad := range []coupon.EndpointSettings{
		{URL: "", Events: []string{"*"}},
		{URL: "https://example.com"},
		{URL: "https://example.com", Events: []string{"coupon"}},
		{URL: "https://example.com", Events: []string{"coupon.exploded"}},
		{URL: "https://example.com", Events: []string{"webhook.test"}},
		{URL: "https://example.com", Events: []string{"*"}, BookIDs: many},
	} {
		_, err := coupon.Endpoint{}.With(bad)
		require.Error(t, err, bad)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	same := []string{"https://Example.com/a", "https://example.com:443/b?c=d", "https://EXAMPLE.com"}
	want, ok := coupon.Origin(same[0])
	require.True(t, ok)
	for _, url := range same {
		origin, ok := coupon.Origin(url)
		require.True(t, ok)
		require.Equal(t, want, origin)
	}
	for _, other := range []string{"http://example.com", "https://example.com:8443", "https://example.com.evil.test", "https://a.example.com"} {
		origin, ok := coupon.Origin(other)
		require.True(t, ok)
		require.NotEqual(t, want, origin)
	}
	for _, bad := range []string{"", "example.com", "https://user@example.com", "https://example.com:port", "%"} {
		_, ok := coupon.Origin(bad)
		require.False(t, ok, bad)
	}
}

func TestMaskedCodes(t *testing.T) {
	t.Parallel()
	for code, masked := range map[string]string{"": "", "A": "*", "ABC": "**C", "SUMMER-4F9K": "********F9K"[:8] + "F9K", "ÄÖÜ-ÄÖÜ-ÄÖÜ-123": "***********-123"} {
		require.Equal(t, masked, coupon.MaskCode(code), code)
	}
}

// Data that is not what it should be is an error, not half a message.
func TestMessagesOfBrokenData(t *testing.T) {
	t.Parallel()
	id, seq := uuid.New(), 1
	for _, e := range []coupon.ToldEvent{
		{Type: coupon.BookPaused, Data: []byte(`[`)},
		{Type: coupon.CouponLocked, CouponID: &id, CouponSeq: &seq, Data: []byte(`[]`)},
	} {
		_, err := coupon.NewMessage([]coupon.ToldEvent{e}, false)
		require.ErrorContains(t, err, "read the data of event")
	}
}
