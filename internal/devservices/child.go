package devservices

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// child is a long-lived program that this process started.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once the program has ended and been reaped
	ending sync.Once
	ended  error
}

// startChild starts cmd and lets the kernel send death to it when we die.
//
// The kernel ties that signal to the thread that started the child, and Go may
// end that thread: it does when a goroutine that has locked it returns. So the
// goroutine that starts the child keeps its thread until the child has ended.
func startChild(cmd *exec.Cmd, death syscall.Signal) (*child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for us: we stop the servers in order
	dieWithParent(cmd.SysProcAttr, death)

	c := &child{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended shows in its log; that it ended is what matters here
			close(c.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) hasExited() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// stop sends each signal in turn, waiting the given time for the child to end,
// and at last kills it. It may be called again and answers the same.
func (c *child) stop(ladder ...rung) error {
	c.ending.Do(func() { c.ended = c.descend(ladder) })
	return c.ended
}

// rung is one step of stopping a server: a signal, and the patience after it.
type rung struct {
	signal syscall.Signal
	wait   time.Duration
}

func (c *child) descend(ladder []rung) error {
	for _, step := range append(ladder, rung{syscall.SIGKILL, 10 * time.Second}) {
		if err := c.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal process %d: %w", c.pid(), err)
		}
		if within(c.exited, step.wait) {
			if step.signal == syscall.SIGKILL {
				return fmt.Errorf("stop process %d: it ignored %v and was killed", c.pid(), ladder[0].signal)
			}
			return nil
		}
	}
	return fmt.Errorf("stop process %d: it does not end even when killed", c.pid())
}

// within reports whether done closes before the time is over.
func within(done <-chan struct{}, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
