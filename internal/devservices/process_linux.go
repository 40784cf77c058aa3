package devservices

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Linux is asked through /proc, since small images have no ps.

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	// pid (name) state …: the name may hold anything, even brackets.
	_, state, found := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " ")
	return found && (strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X"))
}

// startedWith reports whether flag and value stand side by side in the
// arguments of the process.
func startedWith(pid int, flag, value string) bool {
	args, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && bytes.Contains(args, []byte("\x00"+flag+"\x00"+value+"\x00"))
}
