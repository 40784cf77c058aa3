package webhook

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// No URL that is let through names an address that is not public; any text is
// judged. Names are not looked up: the context is over.
func FuzzGuard(f *testing.F) {
	for _, host := range refusals {
		f.Add("https://" + host + "/hook")
	}
	for _, seed := range []string{"", "https://", "https://8.8.8.8:443/a?b#c", "http://[::1", "https://a@b", "//8.8.8.8", "https://8.8.8.8:0/", "javascript:x"} {
		f.Add(seed)
	}
	over, end := context.WithCancel(context.Background())
	end()
	f.Fuzz(func(t *testing.T, text string) {
		if public.CheckURL(over, text) != nil {
			return
		}
		u, err := url.Parse(text)
		require.NoError(t, err)
		require.Equal(t, "https", u.Scheme)
		address, err := netip.ParseAddr(u.Hostname())
		require.NoError(t, err, "only an address needs no look-up")
		require.NoError(t, public.control("tcp4", net.JoinHostPort(address.String(), "443"), nil))
		require.False(t, address.Unmap().IsPrivate() || address.Unmap().IsLoopback() || address.Unmap().IsLinkLocalUnicast())
	})
}
