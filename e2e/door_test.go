package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/client"
)

// A session that ends at one API process has ended at the others seconds later,
// also without Redis.
func TestASessionEndsEverywhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2, 0)
	h.redis.Stop(t)
	here, there := client.New(h.apis[0].url, 10), client.New(h.apis[1].url, 10)
	token, err := here.SignIn(t.Context(), adminEmail, adminPassword)
	require.NoError(t, err)
	require.NoError(t, there.As(token).Do(t.Context(), http.MethodGet, "/api/v1/me", nil, nil))
	require.NoError(t, here.As(token).Do(t.Context(), http.MethodPost, "/api/v1/auth/logout", nil, nil))
	require.Error(t, here.As(token).Do(t.Context(), http.MethodGet, "/api/v1/me", nil, nil), "here at once")
	start := time.Now()
	require.Eventually(t, func() bool {
		var refused *client.ProblemError
		err := there.As(token).Do(t.Context(), http.MethodGet, "/api/v1/me", nil, nil)
		return errors.As(err, &refused) && refused.Code == "session_ended"
	}, 5*time.Second, 50*time.Millisecond)
	t.Logf("ended at the other process %s later", time.Since(start).Round(time.Millisecond))
}

// Who sends his request byte by byte is cut off, however many there are, and
// nobody else waits for that.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 0)
	address := strings.TrimPrefix(h.apis[0].url, "http://")
	const slow = 500
	var all sync.WaitGroup
	var mu sync.Mutex
	var lasted []time.Duration
	for range slow {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			start := time.Now()
			_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: api\r\nX-Slow: ")
			go func() { // until the connection is gone
				for tick := time.NewTicker(200 * time.Millisecond); ; {
					<-tick.C
					if _, err := conn.Write([]byte("a")); err != nil {
						return
					}
				}
			}()
			_, _ = io.Copy(io.Discard, conn)
			mu.Lock()
			defer mu.Unlock()
			lasted = append(lasted, time.Since(start))
		})
	}
	worst := time.Duration(0)
	for range 50 {
		start := time.Now()
		response, err := http.Get(h.apis[0].url + "/healthz")
		require.NoError(t, err)
		_ = response.Body.Close()
		worst = max(worst, time.Since(start))
	}
	require.Less(t, worst, 2*time.Second)
	all.Wait()
	require.Len(t, lasted, slow)
	for _, d := range lasted {
		require.Less(t, d, 20*time.Second)
	}
}
