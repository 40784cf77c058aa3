package devservices

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// identity is the user a Postgres runs as. For anyone but root that is simply
// the caller; Postgres refuses to run as root.
type identity struct {
	home    string               // where the server may keep its files
	attr    *syscall.SysProcAttr // how to become that user, nil for the caller
	owner   int                  // who must own the data directory, or keepOwner
	explain string               // for people, empty for the caller
}

const keepOwner = -1

// command prepares a program that runs as the identity, in a directory that
// it may enter.
func (id identity) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.Dir = id.home
	cmd.WaitDelay = 5 * time.Second // its children may keep the output open
	if id.attr != nil {
		attr := *id.attr
		cmd.SysProcAttr = &attr
	}
	return cmd
}

// give hands a file or directory over to the identity.
func (id identity) give(path string) error {
	if id.owner == keepOwner {
		return nil
	}
	if err := os.Lchown(path, id.owner, id.owner); err != nil {
		return fmt.Errorf("hand over to the user of Postgres: %w", err)
	}
	return nil
}

// dirMode lets the identity pass through directories that stay ours.
func (id identity) dirMode() os.FileMode {
	if id.owner == keepOwner {
		return 0o700
	}
	return 0o711
}
