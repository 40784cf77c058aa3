package devservices

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// programLadder gives a program of the product the time it promises to drain in.
var programLadder = []rung{{syscall.SIGTERM, 30 * time.Second}}

// Program is one of the product's own processes that this process started. It
// ends with it, on Linux even when it is killed.
type Program struct{ child *child }

// StartProgram runs the program at path with env added to the present
// environment. What it prints goes to the end of logFile.
func StartProgram(path string, env []string, logFile string, args ...string) (*Program, error) {
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = out.Close() }() // the child has its own copy
	cmd := exec.Command(path, args...) //nolint:noctx // it must outlive the start
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	child, err := startChild(cmd, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	return &Program{child}, nil
}

// Stop asks the program to end, waits up to 30 seconds, and then kills it.
func (p *Program) Stop() error { return p.child.stop(programLadder...) }

// Pid is the program's process number.
func (p *Program) Pid() int { return p.child.pid() }

// Exited is closed once the program has ended.
func (p *Program) Exited() <-chan struct{} { return p.child.exited }

// State says how the program ended; call it after Exited.
func (p *Program) State() string { return p.child.cmd.ProcessState.String() }

// Lock is held by one process at a time, and never goes stale.
type Lock struct{ lock *lock }

// TryLock takes the lock at path, or fails with [ErrBusy].
func TryLock(path string) (*Lock, error) {
	l, err := tryLock(path)
	if err != nil {
		return nil, err
	}
	return &Lock{l}, nil
}

// Release gives the lock up.
func (l *Lock) Release() error { return l.lock.release() }

// FreePort answers the preferred port of the loopback when it is free, else any.
func FreePort(ctx context.Context, preferred int) (int, error) {
	port, err := freePort(ctx, preferred)
	if err != nil && preferred != 0 {
		port, err = freePort(ctx, 0)
	}
	return port, err
}
