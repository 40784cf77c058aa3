package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"couponbook/internal/loop"
)

const (
	askWithin = 250 * time.Millisecond // Redis may be away, and a caller waits
	tellEvery = 100 * time.Millisecond
	mostKnown = 100_000 // callers that a process remembers
	knownFor  = time.Hour
)

// Limits counts for all rules.
type Limits struct {
	redis *redis_rate.Limiter
	known *expirable.LRU[string, *caller]

	mu      sync.Mutex
	pending map[string]*counted // to be told to Redis
}

// caller is what this process knows of one caller under one rule.
type caller struct {
	bucket *rate.Limiter

	mu   sync.Mutex
	shut time.Time // Redis said no until then
}

type counted struct {
	Rule
	n int
}

// New counts in a Redis, by keys that start with "rate:".
func New(client redis.UniversalClient) *Limits {
	return &Limits{
		redis: redis_rate.NewLimiter(client), known: expirable.NewLRU[string, *caller](mostKnown, nil, knownFor), pending: map[string]*counted{},
	}
}

// Ask counts one more before it is done: Redis decides, for what must not be
// tried more often by asking many processes. Without Redis this process does.
func (l *Limits) Ask(ctx context.Context, rule Rule, who string) Verdict {
	if rule.off() {
		return Verdict{Rule: rule, OK: true}
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	said, err := l.redis.Allow(ctx, rule.key(who), rule.redis())
	if err != nil {
		slog.WarnContext(ctx, "limit counted without Redis", "rule", rule.Name, "error", err)
		verdict, _ := l.take(rule, who)
		return verdict
	}
	return Verdict{Rule: rule, OK: said.Allowed > 0, Remaining: said.Remaining, Wait: max(0, said.RetryAfter)}
}

// Forget lets somebody begin anew under a rule.
func (l *Limits) Forget(ctx context.Context, rule Rule, who string) {
	if rule.off() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	l.known.Remove(rule.key(who))
	if err := l.redis.Reset(ctx, rule.key(who)); err != nil {
		slog.WarnContext(ctx, "limit not reset", "rule", rule.Name, "error", err)
	}
}

// Count counts one more and decides at once, by what this process knows. Redis is
// told of callers who have used half of their rate, soon after: so one request
// costs no round trip, and a process lets half of a rate pass by itself.
func (l *Limits) Count(rule Rule, who string) Verdict {
	if rule.off() {
		return Verdict{Rule: rule, OK: true}
	}
	verdict, _ := l.take(rule, who)
	if verdict.OK && verdict.Remaining < rule.Count/2 {
		l.note(rule, who)
	}
	return verdict
}

// Try takes one that counts only if what is tried fails: call undo if it did not.
func (l *Limits) Try(rule Rule, who string) (verdict Verdict, undo func()) {
	if rule.off() {
		return Verdict{Rule: rule, OK: true}, func() {}
	}
	return l.take(rule, who)
}

// Failed tells Redis of what Try took.
func (l *Limits) Failed(rule Rule, who string) {
	if !rule.off() {
		l.note(rule, who)
	}
}

func (l *Limits) take(rule Rule, who string) (Verdict, func()) {
	now := time.Now()
	c := l.caller(rule, who)
	if wait := c.shutFor(now); wait > 0 {
		return Verdict{Rule: rule, Wait: wait}, func() {}
	}
	taken := c.bucket.ReserveN(now, 1)
	if wait := taken.DelayFrom(now); wait > 0 {
		taken.CancelAt(now)
		return Verdict{Rule: rule, Wait: wait}, func() {}
	}
	return Verdict{Rule: rule, OK: true, Remaining: int(c.bucket.TokensAt(now))}, func() { taken.CancelAt(now) }
}

func (l *Limits) caller(rule Rule, who string) *caller {
	key := rule.key(who)
	if c, found := l.known.Get(key); found {
		return c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, found := l.known.Get(key); found { // somebody was faster
		return c
	}
	c := &caller{bucket: rate.NewLimiter(rate.Every(rule.Per/time.Duration(rule.Count)), rule.Count)}
	l.known.Add(key, c)
	return c
}

func (c *caller) shutFor(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shut.Sub(now)
}

func (l *Limits) note(rule Rule, who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := rule.key(who)
	if l.pending[key] == nil {
		l.pending[key] = &counted{Rule: rule}
	}
	l.pending[key].n++
}

// Run tells Redis what was counted here, and hears what was elsewhere, until
// ctx ends.
func (l *Limits) Run(ctx context.Context) { loop.Every(ctx, tellEvery, "share rate limits", l.Share) }

// Share does so once.
func (l *Limits) Share(ctx context.Context) error {
	l.mu.Lock()
	pending := l.pending
	l.pending = map[string]*counted{}
	l.mu.Unlock()
	for key, c := range pending {
		said, err := l.redis.AllowAtMost(ctx, key, c.redis(), c.n)
		if err != nil {
			return err // what was not told is forgotten: this process has counted it
		}
		if said.Allowed < c.n || said.Remaining == 0 {
			l.shut(key, time.Now().Add(max(said.RetryAfter, c.Per/time.Duration(c.Count))))
		}
	}
	return nil
}

func (l *Limits) shut(key string, until time.Time) {
	if c, found := l.known.Get(key); found {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.shut = until
	}
}

func (r Rule) key(who string) string { return r.Name + ":" + who }

func (r Rule) redis() redis_rate.Limit {
	return redis_rate.Limit{Rate: r.Count, Burst: r.Count, Period: r.Per}
}
