package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

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
	members []*member
	ending  context.CancelFunc
	kept    sync.WaitGroup
}

// member is one process.
type member struct {
	name, path, log string
	env             []string
	url             string // of an API
	probe           string // answers 200 when ready

	mu      sync.Mutex
	program *devservices.Program
}

// startCrew starts the processes and waits until all are ready.
func startCrew(ctx context.Context, out io.Writer, s *services, o devOptions) (*crew, error) {
	bin, err := os.Executable()
	if err != nil {
		return nil, err
	}
	secret, err := authSecret()
	if err != nil {
		return nil, err
	}
	env := append(s.env(), "AUTH_SECRET="+secret, "COOKIE_SECURE=false", "WEBHOOK_ALLOW_HTTP=true",
		"WEBHOOK_ALLOW_RANGES=127.0.0.0/8,::1/128")
	keep, ending := context.WithCancel(context.WithoutCancel(ctx))
	c := &crew{out: out, ending: ending}
	for i := range o.apis + o.workers {
		m, err := newMember(ctx, out, filepath.Dir(bin), i, o, env)
		if err == nil {
			err = m.start()
		}
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
		c.members = append(c.members, m)
		c.kept.Go(func() { c.keep(keep, m) })
	}
	for _, m := range c.members {
		if err = m.ready(ctx); err != nil {
			return nil, errors.Join(err, c.stop())
		}
	}
	return c, nil
}

func newMember(ctx context.Context, out io.Writer, bin string, i int, o devOptions, env []string) (*member, error) {
	kind, n := "api", i+1
	if i >= o.apis {
		kind, n = "worker", i-o.apis+1
	}
	m := &member{name: fmt.Sprintf("%s-%d", kind, n), path: filepath.Join(bin, kind)}
	if _, err := os.Stat(m.path); err != nil {
		return nil, fmt.Errorf("there is no program %s: start with `make run`, which builds it", m.path)
	}
	m.log = filepath.Join(dataDir, "logs", m.name+".log")
	metrics, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	m.env = append(slices.Clone(env), fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", metrics))
	m.probe = fmt.Sprintf("http://127.0.0.1:%d/readyz", metrics)
	if kind == "api" {
		port, err := devservices.FreePort(ctx, firstPort+n-1)
		if err != nil {
			return nil, err
		}
		if want := firstPort + n - 1; port != want {
			say(out, "%s: port %d is taken, using %d", m.name, want, port)
		}
		m.url = fmt.Sprintf("http://127.0.0.1:%d", port)
		m.probe = m.url + "/readyz"
		m.env = append(m.env, fmt.Sprintf("LISTEN=127.0.0.1:%d", port))
	}
	return m, nil
}

func (m *member) start() error {
	program, err := devservices.StartProgram(m.path, m.env, m.log)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.program = program
	return err
}

func (m *member) current() *devservices.Program {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.program
}

// ready waits until the process answers, and says where to look if it does not.
func (m *member) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyAfter)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.probe, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not get ready: see %s", m.name, m.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// keep starts a process again that has ended by itself.
func (c *crew) keep(ctx context.Context, m *member) {
	for {
		program := m.current()
		select {
		case <-ctx.Done():
			return
		case <-program.Exited():
		}
		say(c.out, "%s has ended (%s); it starts again, see %s", m.name, program.State(), m.log)
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartIn):
		}
		if err := m.start(); err != nil {
			say(c.out, "%s does not start: %v", m.name, err)
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
			if program := m.current(); program != nil {
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
		if m.url != "" {
			urls = append(urls, m.url)
		}
	}
	return urls
}

func (c *crew) url() string { return c.urls()[0] }
