package tcpproxy_test

import (
	"bufio"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/tcpproxy"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return "tcp://" + listener.Addr().String()
}

// say fails unless a word comes back through the proxy.
func say(t *testing.T, address, word string) error {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", target.Host)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(300*time.Millisecond)))
	if _, err = conn.Write([]byte(word + "\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil {
		require.Equal(t, word+"\n", answer)
	}
	return err
}

// A proxy passes, refuses and is silent as it is told, and swallows as many
// answers with the mark as it is armed for.
func TestModes(t *testing.T) {
	t.Parallel()
	p, address, err := tcpproxy.Before(t.Context(), echo(t), "MARK")
	require.NoError(t, err)
	t.Cleanup(p.Close)
	for _, c := range []struct {
		mode   tcpproxy.Mode
		passes bool
	}{{tcpproxy.Pass, true}, {tcpproxy.Refuse, false}, {tcpproxy.Pass, true}, {tcpproxy.Silent, false}, {tcpproxy.Pass, true}} {
		p.Set(c.mode)
		err = say(t, address, "hello")
		require.Equal(t, c.passes, err == nil, "%v: %v", c.mode, err)
	}
	p.Armed.Store(2)
	for i, word := range []string{"hello", "a MARK", "MARK", "MARK"} {
		err = say(t, address, word)
		require.Equal(t, i == 1 || i == 2, err != nil, "%d: %s", i, word)
	}
	require.EqualValues(t, 2, p.Cuts.Load())
	_, _, err = tcpproxy.Before(t.Context(), "://", "")
	require.Error(t, err)
}
