package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/fixture"
)

const openStreams = 10_000

// follow opens a job's stream and counts when the first event has come, and the end.
func follow(t *testing.T, address, key string, job uuid.UUID, began, ended *atomic.Int32) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "GET /api/v1/jobs/%s/stream HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer %s\r\n\r\n", job, key)
	require.NoError(t, err)
	go func() {
		lines, first := bufio.NewReaderSize(conn, 512), true
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if first && strings.HasPrefix(line, "event: position") {
				first = false
				began.Add(1)
			}
			if strings.HasPrefix(line, "event: done") {
				ended.Add(1)
				return
			}
		}
	}()
	return conn
}

// resident is how much memory a process holds, in bytes.
func resident(t *testing.T, p *process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int
	_, err = fmt.Sscan(rest, &kilobytes)
	require.NoError(t, err)
	return kilobytes << 10
}

// Ten thousand streams are open on one API process at once: each tells its
// claim's place, and all hear of their ends.
//
//nolint:paralleltest // it loads the machine
func TestTenThousandStreams(t *testing.T) {
	h := newHouse(t, 1, 0)
	api := h.apis[0]
	admin, _ := h.admin(t)
	_, key, err := admin.CreateAPIKey(t.Context(), "streams", "jobs:read") // a person may not ask so often
	require.NoError(t, err)
	book := fixture.Book(t, h.pool, 100, 0)
	jobs := fixture.Queued(t, h.pool, book.ID, fixture.Users(t, h.pool, openStreams), 1)
	target, err := url.Parse(api.url)
	require.NoError(t, err)
	before := resident(t, api)
	var began, ended atomic.Int32
	conns := make([]net.Conn, openStreams)
	t.Cleanup(func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
	})
	var all sync.WaitGroup
	for part := range 20 {
		all.Go(func() {
			for i := part; i < openStreams; i += 20 {
				conns[i] = follow(t, target.Host, key, jobs[i], &began, &ended)
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool { return began.Load() == openStreams }, time.Minute, 50*time.Millisecond)
	more := resident(t, api) - before
	t.Logf("%d streams are open; the process holds %d KB more, %d KB a stream", openStreams, more>>10, more/openStreams>>10)
	require.Less(t, more/openStreams, 100<<10)

	start := time.Now()
	h.launchWorkers(t, 1)
	require.Eventually(t, func() bool { return ended.Load() == openStreams }, time.Minute, 20*time.Millisecond)
	t.Logf("all were told of their ends %.1f s after a worker was started", time.Since(start).Seconds())
	require.Equal(t, 100, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'claim' AND status = 'succeeded'`))
	h.verify(t)
}
