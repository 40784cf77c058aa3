package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"couponbook/internal/devservices"
)

// design is a way to claim: a host that serves it.
type design struct{ name, host string }

// peers are the designs that the product is measured against.
var peers = []string{"synchronous", "advisory-lock", "river"}

// startProduct builds the programs and starts the product as it ships.
func (s *stage) startProduct(ctx context.Context) error {
	say("building the programs")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", s.dir, "./cmd/api", "./cmd/worker", "./bench/peer")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if _, err := s.start(ctx, "worker", "worker", s.env); err != nil {
		return err
	}
	host, err := s.start(ctx, "api", product, s.env)
	s.designs = append(s.designs, design{product, host})
	return err
}

// startPeers starts what the product is measured against, and a route that does
// nothing.
func (s *stage) startPeers(ctx context.Context) (err error) {
	if s.emptyHost, err = s.start(ctx, "peer", "empty", s.env); err != nil {
		return err
	}
	for _, name := range peers {
		d, err := s.tuned(ctx, name)
		if err != nil {
			return err
		}
		s.designs = append(s.designs, d)
	}
	return nil
}

// tuned starts a peer with as many connections to Postgres as it is fastest with.
func (s *stage) tuned(ctx context.Context, name string) (design, error) {
	best, most := 0, 0.0
	for _, connections := range []int{8, 16, 32} {
		d, err := s.peer(ctx, name, connections)
		if err != nil {
			return d, err
		}
		rate, err := s.rush(ctx, d, fewest)
		if err != nil {
			return d, fmt.Errorf("tune %s: %w", name, err)
		}
		if err = s.running[name].Stop(); err != nil {
			return d, err
		}
		if rate > most {
			best, most = connections, rate
		}
	}
	say("     %s is fastest with %d connections to Postgres", name, best)
	return s.peer(ctx, name, best)
}

func (s *stage) peer(ctx context.Context, name string, connections int) (design, error) {
	host, err := s.start(ctx, "peer", name, append(slices.Clip(s.env), fmt.Sprintf("API_DB_CONNECTIONS=%d", connections)))
	return design{name, host}, err
}

// start runs a program under a name, and returns the host it serves once it is
// ready. A peer takes its name as argument.
func (s *stage) start(ctx context.Context, program, name string, env []string) (string, error) {
	port, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return "", err
	}
	metrics, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return "", err
	}
	host := fmt.Sprintf("127.0.0.1:%d", port)
	private := fmt.Sprintf("127.0.0.1:%d", metrics)
	env = append(slices.Clip(env), "LISTEN="+host, "METRICS_LISTEN="+private)
	p, err := devservices.StartProgram(filepath.Join(s.dir, program), env, filepath.Join(s.dir, name+".log"), name)
	if err != nil {
		return "", err
	}
	s.running[name], s.private[name] = p, private
	if program == "worker" {
		return private, s.ready(ctx, private, name)
	}
	return host, s.ready(ctx, host, name)
}

func (s *stage) ready(ctx context.Context, host, name string) error {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("%s does not get ready", name)
}
