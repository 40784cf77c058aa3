package devservices

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// startInMemory serves an imitation of Redis from inside this process. It is
// honest as a fallback because the product must survive the loss of its Redis
// anyway; it is slower, and lacks CONFIG among others.
func startInMemory(ctx context.Context, home string, why error, held *lock, log io.Writer) (*Redis, error) {
	portFile := filepath.Join(home, "port")
	port, err := pickPort(ctx, portFile)
	if err != nil {
		return nil, err
	}
	mini := miniredis.NewMiniRedis()
	if err := mini.StartAddr(address(port)); err != nil {
		return nil, fmt.Errorf("start redis in memory: %w: try again", err)
	}
	if err := rememberPort(portFile, port); err != nil {
		mini.Close()
		return nil, err
	}
	picked := fmt.Sprintf("IN MEMORY, FOR A FIRST LOOK ONLY: the queue is lost on every stop, since there is no Redis here: %v", why)
	say(log, "redis: %s", picked)

	quit, exited := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(exited)
		expireKeys(mini, quit)
		mini.Close()
	}()
	stop := sync.OnceValue(func() error {
		close(quit)
		<-exited
		return held.release()
	})
	return &Redis{URL: redisURL(port), Picked: picked, InMemory: true, stop: stop, exited: exited}, nil
}

// expireKeys lets lifetimes run down each second, which the imitation leaves to
// its user: without it, no lock would ever expire. The clock that TIME and
// EXPIREAT go by is left alone, since it is the real one until it is set.
func expireKeys(mini *miniredis.Miniredis, quit <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	last := time.Now()
	for {
		select {
		case <-quit:
			return
		case <-second.C:
			now := time.Now() // ticks get lost under load, time does not
			mini.FastForward(now.Sub(last))
			last = now
		}
	}
}
