package webhook

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"couponbook/internal/coupon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var public = Guard{Ports: []int{443}}

// refusals are hosts that no webhook goes to: every way to write an address that is
// not public.
var refusals = []string{
	"127.0.0.1", "127.127.127.127", "localhost", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
	"169.254.169.254", "100.100.100.200", "198.18.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "255.255.255.255",
	"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
	"[fd00:ec2::254]", "[fc00::1]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[5f00::1]", "[3fff::1]",
	"[::ffff:0:10.0.0.1]", "[0:0:0:1::1]", "[4000::1]",
	// forms that only some programs read as addresses: for us they are names that nobody has
	"2130706433", "017700000001", "0x7f000001", "0x7f.0x0.0x0.0x1", "127.1", "0177.0.0.1",
}

func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	sender := NewSender(public, nil)
	defer sender.Close()
	for _, host := range refusals {
		url := "https://" + host + "/hook"
		var refused *RefusedError
		require.ErrorAs(t, public.CheckURL(t.Context(), url), &refused, "at registration: %s", host)
		a := sender.Send(t.Context(), Request{ID: "evt_1", URL: url, Body: []byte(`{}`), Secrets: [][]byte{NewSecret()}})
		require.Equal(t, coupon.Retry, a.Verdict, host)
		require.Nil(t, a.StatusCode, host)
		require.Contains(t, []string{"refused_address", "name"}, *a.Error, "%s: %s", host, *a.Detail)
	}
}

func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "nonsense", "https://", "ftp://8.8.8.8/", "http://8.8.8.8/", "https://user:password@8.8.8.8/", "https://8.8.8.8:22/",
		"https://8.8.8.8/#part", "https://8.8.8.8:99999/", "gopher://8.8.8.8", "https://no-such-name.invalid/",
	} {
		require.Error(t, public.CheckURL(t.Context(), url), url)
	}
	for _, url := range []string{"https://8.8.8.8/hooks", "https://8.8.8.8:443/", "https://[2606:4700::1111]/a?b=c"} {
		require.NoError(t, public.CheckURL(t.Context(), url), url)
	}
}

// What the operator names is allowed, on any port; the rest is refused still.
func TestNamedRanges(t *testing.T) {
	t.Parallel()
	g := Guard{AllowHTTP: true, Ranges: prefixes("127.0.0.0/8", "fd12::/16"), Ports: []int{443}}
	for _, url := range []string{"http://127.0.0.1:9000/", "http://[::ffff:127.0.0.1]:9000/", "https://[fd12::7]:8443/"} {
		require.NoError(t, g.CheckURL(t.Context(), url), url)
	}
	for _, url := range []string{"http://10.0.0.1/", "http://[fd13::1]/", "http://8.8.8.8:8080/"} {
		require.Error(t, g.CheckURL(t.Context(), url), url)
	}
}

// A name that is public when it is registered and leads to us later: the
// connection is refused, since each resolved address is looked at.
func TestANameThatChanges(t *testing.T) {
	t.Parallel()
	reached := atomic.Bool{}
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer inside.Close()
	port := netip.MustParseAddrPort(inside.Listener.Addr().String()).Port()
	guard := Guard{AllowHTTP: true, Ports: []int{int(port)}}
	sender := NewSender(guard, nameserver(t, [4]byte{127, 0, 0, 1}))
	defer sender.Close()
	a := sender.Send(t.Context(), Request{
		ID: "evt_1", URL: "http://rebinds.example:" + netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()[8:] + "/",
		Body: []byte(`{}`), Secrets: [][]byte{NewSecret()},
	})
	require.Equal(t, "refused_address", *a.Error, *a.Detail)
	require.False(t, reached.Load())
}

// nameserver answers every question with one address.
func nameserver(t *testing.T, address [4]byte) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
