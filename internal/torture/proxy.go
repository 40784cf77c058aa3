package torture

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// mode is what a proxy does with its connections.
type mode int32

const (
	pass   mode = iota
	refuse      // cut all connections, and every new one
	silent      // keep them, and let nothing through
)

// commit is how Postgres confirms a COMMIT.
var commit = []byte("COMMIT\x00")

// proxy stands between the processes and a server. It can cut them off, fall
// silent, or swallow the answer to a COMMIT: what it confirms has happened, and
// nobody was told.
type proxy struct {
	listener net.Listener
	upstream string
	mode     atomic.Int32
	armed    atomic.Int32 // answers to COMMITs to swallow
	cuts     atomic.Int32 // that were

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	heard sync.Cond // the mode has changed
}

func newProxy(ctx context.Context, upstream string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, upstream: upstream, conns: map[net.Conn]struct{}{}}
	p.heard.L = &p.mu
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(ctx, client)
		}
	}()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes the mode at once, for present connections too.
func (p *proxy) set(m mode) {
	p.mode.Store(int32(m))
	p.mu.Lock()
	defer p.mu.Unlock()
	if m == refuse {
		for conn := range p.conns {
			_ = conn.Close()
		}
	}
	p.heard.Broadcast()
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.set(refuse)
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	if mode(p.mode.Load()) == refuse {
		return
	}
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	p.keep(client, server, true)
	defer p.keep(client, server, false)
	go func() {
		_ = p.copy(server, client, false)
		_ = server.Close()
	}()
	_ = p.copy(client, server, true)
}

func (p *proxy) keep(client, server net.Conn, there bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range []net.Conn{client, server} {
		if there {
			p.conns[conn] = struct{}{}
		} else {
			delete(p.conns, conn)
		}
	}
}

var errSwallowed = errors.New("the answer was swallowed")

func (p *proxy) copy(to, from net.Conn, answers bool) error {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		p.await()
		if answers && n > 0 && p.armed.Load() > 0 && bytes.Contains(buffer[:n], commit) && p.armed.Add(-1) >= 0 {
			p.cuts.Add(1)
			return errSwallowed
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// await waits while the proxy is silent.
func (p *proxy) await() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for mode(p.mode.Load()) == silent {
		p.heard.Wait()
	}
}
