package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Guard keeps webhooks away from what is not public: whoever may register a URL
// must not reach the machines behind ours with it. It looks at a URL when it is
// registered, for a clear refusal, and at each resolved address right before a
// connection is made, which decides: a name can change in between.
type Guard struct {
	AllowHTTP bool           // else https only
	Ranges    []netip.Prefix // private addresses that are allowed all the same, on any port
	Ports     []int          // of public addresses
}

// global are the IPv6 addresses that are given out at all.
var global = netip.MustParsePrefix("2000::/3")

// special are the addresses that are not the public's: IANA's registries of
// special-purpose addresses, multicast, and IPv6 that leads back to IPv4.
// https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// RefusedError is an address that webhooks do not go to.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refused(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// CheckURL looks at a URL as it is registered, and at the addresses that its
// name has now. What it refuses is a *RefusedError.
func (g Guard) CheckURL(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return refused("must be a URL like https://example.com/hooks")
	case u.Scheme != "https" && u.Scheme != "http":
		return refused("must begin with https://")
	case u.Scheme == "http" && !g.AllowHTTP:
		return refused("must begin with https://: the operator has not allowed plain HTTP")
	case u.User != nil:
		return refused("must be without user and password")
	case u.Port() != "" && portOf(u) == 0:
		return refused("must have a port from 1 to 65535, or none")
	case u.Fragment != "":
		return refused("must be without a fragment (#…)")
	}
	addresses, err := addressesOf(ctx, u.Hostname())
	if err != nil {
		return refused("its host %q is not known: check the name", u.Hostname())
	}
	for _, address := range addresses {
		if err := g.check(netip.AddrPortFrom(address, portOf(u))); err != nil {
			return err
		}
	}
	return nil
}

func addressesOf(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func portOf(u *url.URL) uint16 {
	switch {
	case u.Port() != "":
		port, _ := strconv.ParseUint(u.Port(), 10, 16) // what is none is 0, which is no port
		return uint16(port)
	case u.Scheme == "http":
		return 80
	}
	return 443
}

// check judges an address.
func (g Guard) check(target netip.AddrPort) error {
	address := target.Addr().Unmap().WithZone("")
	if contains(g.Ranges, address) {
		return nil
	}
	// Which address it is, is not for everyone who may register a name.
	if !address.IsValid() || address.Is6() && !global.Contains(address) || contains(special, address) {
		return refused("does not lead to a public address: the operator can allow its range")
	}
	if !slices.Contains(g.Ports, int(target.Port())) {
		return refused("port %d is not one of %v", target.Port(), g.Ports)
	}
	return nil
}

func contains(ranges []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Contains(address) })
}

// control is called with the resolved address of each connection before it is made.
func (g Guard) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return refused("%s %s is no address for webhooks", network, address)
	}
	return g.check(target)
}

// client makes the HTTP client of a sender: through no proxy, which would hide
// the address, following no redirect, unpacking nothing.
func (g Guard) client(resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: connectWithin, Control: g.control, Resolver: resolver}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: tlsWithin, ResponseHeaderTimeout: headersWithin,
			MaxResponseHeaderBytes: maxHeaders, DisableCompression: true, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: InFlight, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       within,
	}
}

// isRefused finds the guard's word in an error of the client.
func isRefused(err error) (*RefusedError, bool) { return errors.AsType[*RefusedError](err) }
