//go:build !linux

package devservices

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

func zombie(pid int) bool {
	return strings.HasPrefix(ps(pid, "stat="), "Z")
}

// startedWith reports whether flag and value stand side by side in the
// arguments of the process.
func startedWith(pid int, flag, value string) bool {
	return strings.Contains(ps(pid, "command=")+" ", " "+flag+" "+value+" ")
}

// ps answers one column of the process table, or nothing for a process that is
// gone.
func ps(pid int, column string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", column, "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
