package devservices

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startPatience is how long a server may take until it answers. Recovery after
// a crash is the slow case; a fresh start takes a tenth of a second.
const startPatience = time.Minute

// errAgain marks a start that failed for a reason that passes by itself.
var errAgain = errors.New("start once more")

// passing are the complaints of servers that another attempt cures: somebody
// was faster to the port, or the children of a killed server still end.
var passing = []string{
	"Address already in use",
	"pre-existing shared memory block",
	`lock file "postmaster.pid" already exists`,
}

// launch says how to run a server until it answers.
type launch struct {
	name     string // for people
	dir      string // holds the log and the remembered port
	command  func(ctx context.Context, port int) *exec.Cmd
	ready    func(ctx context.Context, pid, port int) error
	ladder   []rung // how to stop it, the first signal also when we die
	patience time.Duration
}

func (l launch) logPath() string  { return filepath.Join(l.dir, "server.log") }
func (l launch) portPath() string { return filepath.Join(l.dir, "port") }

// run starts the server and waits for its first answer. The server outlives
// ctx, which limits only the start.
func (l launch) run(ctx context.Context) (*child, int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		c, port, err := l.attempt(ctx)
		if !errors.Is(err, errAgain) {
			return c, port, err
		}
		select {
		case <-ctx.Done():
			return nil, 0, err
		case <-again.C:
		}
	}
}

func (l launch) attempt(ctx context.Context) (*child, int, error) {
	port, err := pickPort(ctx, l.portPath())
	if err != nil {
		return nil, 0, err
	}
	log, err := openLog(l.logPath())
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = log.Close() }() // the child has its own copy

	cmd := l.command(context.WithoutCancel(ctx), port)
	cmd.Stdout, cmd.Stderr = log, log
	c, err := startChild(cmd, l.ladder[0].signal)
	if err != nil {
		return nil, 0, fmt.Errorf("start %s: %w", l.name, err)
	}
	if err := l.await(ctx, c, port); err != nil {
		return nil, 0, errors.Join(err, c.stop(l.ladder...))
	}
	if err := rememberPort(l.portPath(), port); err != nil {
		return nil, 0, errors.Join(err, c.stop(l.ladder...))
	}
	return c, port, nil
}

// await asks the server until it answers, ends, or runs out of time.
func (l launch) await(ctx context.Context, c *child, port int) error {
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		err := l.ready(ctx, c.pid(), port)
		if err == nil && !c.hasExited() {
			return nil
		}
		select {
		case <-c.exited:
			return l.explain("it ended at once")
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("start %s: %w", l.name, ctx.Err())
			}
			return fmt.Errorf("%w\nlast answer: %w", l.explain("it gave no answer in time"), err)
		case <-poll.C:
		}
	}
}

// explain makes an error of what the log says about a failed start.
func (l launch) explain(symptom string) error {
	text := readLog(l.logPath())
	if full := cmp.Or(diskFull(text, l.dir), outOfSpace(l.dir)); full != nil {
		return fmt.Errorf("start %s: %w", l.name, full)
	}
	for _, complaint := range passing {
		if strings.Contains(text, complaint) {
			return fmt.Errorf("start %s: %s: %w", l.name, complaint, errAgain)
		}
	}
	return fmt.Errorf("start %s: %s; read why at the end of %s:\n%s", l.name, symptom, l.logPath(), tail(text, 15))
}
