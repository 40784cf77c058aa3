package devservices

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// machine says where to look for programs. Tests imitate other machines with
// it, for instance one without npm.
type machine struct {
	lookPath     func(name string) (string, error)
	postgresDirs []string // glob patterns of directories that hold postgres and initdb
	namespaces   bool     // whether to try a user namespace when we are root
}

func thisMachine() machine {
	return machine{
		lookPath: exec.LookPath,
		postgresDirs: []string{
			"/usr/lib/postgresql/*/bin",
			"/usr/pgsql-*/bin",
			"/opt/homebrew/opt/postgresql@*/bin",
			"/usr/local/opt/postgresql@*/bin",
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		},
		namespaces: true,
	}
}

func (m machine) has(names ...string) bool {
	for _, name := range names {
		if _, err := m.lookPath(name); err != nil {
			return false
		}
	}
	return true
}

// command prepares a short-lived program that ends with ctx. Its messages are
// in English, since some are searched for known causes.
func (m machine) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := m.lookPath(name)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 5 * time.Second // its children may keep the output open
	return cmd, nil
}

// output runs cmd and answers what it printed; on failure the error quotes the
// last lines of that. dir is the directory to name when the disk is full.
func output(cmd *exec.Cmd, dir string) (string, error) {
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err == nil {
		return text, nil
	}
	if full := cmp.Or(diskFull(text, dir), outOfSpace(dir)); full != nil {
		return text, full
	}
	return text, fmt.Errorf("%w\n%s", err, tail(text, 12))
}
