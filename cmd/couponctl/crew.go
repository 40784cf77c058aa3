package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"couponbook/internal/config"
	"couponbook/internal/devservices"
)

const (
	firstPort  = 8080
	readyAfter = 30 * time.Second // what a process may take to come up
	restartIn  = time.Second
)

// crew is the product's own processes. One that ends by itself is started
// again, so that killing a worker can be tried by hand.
type crew struct {
	out     io.Writer
	members []*devservices.Process
	ending  context.CancelFunc
	kept    sync.WaitGroup
}

// crewSettings are those of every process, beside the environment's own.
func crewSettings(cfg config.Config, s *services) ([]string, error) {
	// Everybody comes from this machine: limits by address would take them for one.
	env := append(s.env(), "COOKIE_SECURE=false", "SHOWCASE=true", "WEBHOOK_ALLOW_HTTP=true",
		"WEBHOOK_ALLOW_RANGES=127.0.0.0/8,::1/128", "LIMIT_ANONYMOUS=off", "LIMIT_REGISTRATIONS=off", "LIMIT_SIGN_INS_FROM=off")
	if cfg.AuthSecret != "" {
		return env, nil
	}
	secret, err := authSecret()
	return append(env, "AUTH_SECRET="+secret), err
}

// startCrew starts the processes and waits until all are ready.
func startCrew(ctx context.Context, out io.Writer, env []string, o devOptions) (*crew, error) {
	bin, err := os.Executable()
	if err != nil {
		return nil, err
	}
	keep, ending := context.WithCancel(context.WithoutCancel(ctx))
	c := &crew{out: out, ending: ending}
	for i := range o.apis + o.workers {
		m, err := newProcess(ctx, out, filepath.Dir(bin), i, o, env)
		if err == nil {
			err = m.Start()
		}
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
		c.members = append(c.members, m)
		c.kept.Go(func() { c.keep(keep, m) })
	}
	for _, m := range c.members {
		if err = m.Ready(ctx, readyAfter); err != nil {
			return nil, errors.Join(err, c.stop())
		}
	}
	return c, nil
}

func newProcess(ctx context.Context, out io.Writer, bin string, i int, o devOptions, env []string) (*devservices.Process, error) {
	kind, n := "api", i+1
	if i >= o.apis {
		kind, n = "worker", i-o.apis+1
	}
	m := &devservices.Process{Name: fmt.Sprintf("%s-%d", kind, n), Path: filepath.Join(bin, kind)}
	if _, err := os.Stat(m.Path); err != nil {
		return nil, fmt.Errorf("there is no program %s: start with `make run`, which builds it", m.Path)
	}
	m.Log = filepath.Join(dataDir, "logs", m.Name+".log")
	metrics, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	m.Env = append(slices.Clone(env), fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", metrics))
	m.Probe = fmt.Sprintf("http://127.0.0.1:%d/readyz", metrics)
	if kind == "api" {
		port, err := devservices.FreePort(ctx, firstPort+n-1)
		if err != nil {
			return nil, err
		}
		if want := firstPort + n - 1; port != want {
			say(out, "%s: port %d is taken, using %d", m.Name, want, port)
		}
		m.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
		m.Probe = m.URL + "/readyz"
		m.Env = append(m.Env, fmt.Sprintf("LISTEN=127.0.0.1:%d", port))
	}
	return m, nil
}

// keep starts a process again that has ended by itself.
func (c *crew) keep(ctx context.Context, m *devservices.Process) {
	for {
		program := m.Now()
		select {
		case <-ctx.Done():
			return
		case <-program.Exited():
		}
		say(c.out, "%s has ended (%s); it starts again, see %s", m.Name, program.State(), m.Log)
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartIn):
		}
		if err := m.Start(); err != nil {
			say(c.out, "%s does not start: %v", m.Name, err)
			return
		}
	}
}

// stop ends all processes at once and waits for them.
func (c *crew) stop() error {
	c.ending()
	c.kept.Wait()
	errs := make([]error, len(c.members))
	var all sync.WaitGroup
	for i, m := range c.members {
		all.Go(func() {
			if program := m.Now(); program != nil {
				errs[i] = program.Stop()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *crew) urls() []string {
	var urls []string
	for _, m := range c.members {
		if m.URL != "" {
			urls = append(urls, m.URL)
		}
	}
	return urls
}

func (c *crew) url() string { return c.urls()[0] }
