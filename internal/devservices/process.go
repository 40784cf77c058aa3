package devservices

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// pidIn answers the process number in the first line of file, or 0.
func pidIn(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// alive reports whether the process runs. A zombie does not: it holds nothing
// but its number, and where nobody reaps it stays for ever.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return (err == nil || errors.Is(err, syscall.EPERM)) && !zombie(pid)
}

// endLeftover stops the server that a killed run left behind. The process
// number in pidFile may belong to somebody else by now, so the process must
// also have been started with dirFlag dir, as only our servers are.
// It reports whether there was one.
func endLeftover(pidFile, dirFlag, dir string, ladder ...rung) (bool, error) {
	pid := pidIn(pidFile)
	if pid == 0 || !alive(pid) || !startedWith(pid, dirFlag, dir) {
		// Postgres believes the number alone, and refuses an empty file.
		if err := os.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("remove stale process number: %w: remove %s by hand", err, pidFile)
		}
		return false, nil
	}
	for _, step := range append(ladder, rung{syscall.SIGKILL, 10 * time.Second}) {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return true, fmt.Errorf("stop the server left over from a killed run: signal process %d: %w: stop it by hand", pid, err)
		}
		if endsWithin(pid, step.wait) {
			return true, nil
		}
	}
	return true, fmt.Errorf("stop the server left over from a killed run: process %d does not end: stop it by hand", pid)
}

// endsWithin watches a process that is not our child, so there is no event to
// wait for.
func endsWithin(pid int, patience time.Duration) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for alive(pid) {
		select {
		case <-deadline.C:
			return false
		case <-poll.C:
		}
	}
	return true
}
