// Package tcpproxy stands between a process and a server, to break what passes.
// For tests and the torture test only.
package tcpproxy

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// Mode is what a proxy does with its connections.
type Mode int32

// The modes.
const (
	Pass   Mode = iota
	Refuse      // cut all connections, and every new one
	Silent      // keep them, and let nothing through
)

// Commit is how Postgres confirms a COMMIT.
const Commit = "COMMIT\x00"

// Proxy passes everything on, until it is told otherwise.
type Proxy struct {
	// Armed is how many answers with the mark in them are swallowed, each with its
	// connection: what such an answer confirms has happened, and nobody was told.
	Armed atomic.Int32
	Cuts  atomic.Int32 // how many were

	mark     []byte
	upstream string
	listener net.Listener
	mode     atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	heard sync.Cond // the mode has changed
}

// Before puts a proxy before the server that an URL names, and returns the URL
// by way of it. It ends with Close.
func Before(ctx context.Context, address, mark string) (*Proxy, string, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	p := &Proxy{mark: []byte(mark), upstream: target.Host, listener: listener, conns: map[net.Conn]struct{}{}}
	p.heard.L = &p.mu
	go p.accept(context.WithoutCancel(ctx))
	target.Host = listener.Addr().String()
	return p, target.String(), nil
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(ctx, client)
	}
}

// Set changes the mode at once, for present connections too.
func (p *Proxy) Set(m Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode.Store(int32(m))
	if m == Refuse {
		for conn := range p.conns {
			_ = conn.Close()
		}
	}
	p.heard.Broadcast()
}

// Close ends the proxy and its connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Set(Refuse)
}

func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	if !p.keep(client, server) {
		return
	}
	defer p.drop(client, server)
	go func() {
		_ = p.copy(server, client, false)
		_ = server.Close()
	}()
	_ = p.copy(client, server, true)
}

// keep notes connections to be cut, unless all are.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if Mode(p.mode.Load()) == Refuse {
		return false
	}
	for _, conn := range conns {
		p.conns[conn] = struct{}{}
	}
	return true
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.conns, conn)
	}
}

var errSwallowed = errors.New("the answer was swallowed")

func (p *Proxy) copy(to, from net.Conn, answers bool) error {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		p.await()
		if answers && p.Armed.Load() > 0 && bytes.Contains(buffer[:n], p.mark) && p.take() {
			p.Cuts.Add(1)
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

// take uses up one of the answers to be swallowed, if any are left.
func (p *Proxy) take() bool {
	for {
		left := p.Armed.Load()
		if left <= 0 {
			return false
		}
		if p.Armed.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

// await waits while the proxy is silent.
func (p *Proxy) await() {
	if Mode(p.mode.Load()) != Silent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for Mode(p.mode.Load()) == Silent {
		p.heard.Wait()
	}
}
