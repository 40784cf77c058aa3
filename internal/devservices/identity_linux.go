package devservices

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// nobody owns nothing, by convention of every Linux, and has a name on each,
// without which initdb refuses to run.
const nobody = 65534

// choosePostgresUser finds a way not to be root, nor a user without a name as
// in some containers. In a user namespace we are nobody, but remain who we are
// to the outside, so it works in directories that only we may enter. Container
// engines often refuse it: then root becomes nobody for good, and the data has
// to live where nobody can reach it.
func choosePostgresUser(ctx context.Context, m machine, dir string) (identity, error) {
	refused := "root"
	if os.Geteuid() != 0 {
		if _, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
			return identity{home: dir, owner: keepOwner}, nil
		}
		refused = "a user without a name"
	}
	if attr := namespaced(); m.namespaces && works(ctx, attr) {
		return identity{home: dir, attr: attr, owner: keepOwner, explain: "in a user namespace, since Postgres refuses " + refused}, nil
	}
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if !works(ctx, attr) {
		if ctx.Err() != nil {
			return identity{}, fmt.Errorf("leave %s for Postgres: %w", refused, ctx.Err())
		}
		return identity{}, fmt.Errorf("leave %s for Postgres: neither a user namespace nor the user nobody is allowed here: "+
			"run as an ordinary user, or set DATABASE_URL to a server", refused)
	}
	home, err := publicHome(dir)
	if err != nil {
		return identity{}, err
	}
	return identity{home: home, attr: attr, owner: nobody, explain: "as nobody in " + home + ", since Postgres refuses root"}, nil
}

func namespaced() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getegid(), Size: 1}},
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true},
	}
}

// works tries the attributes out: what is allowed depends on kernel, container
// engine and limits, and only a trial tells.
func works(ctx context.Context, attr *syscall.SysProcAttr) bool {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", ":")
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	return cmd.Run() == nil
}

// publicHome makes a directory that nobody may pass through but not write to,
// the same for the same dir on every start. A link in dir leads there, for
// `make clean`.
func publicHome(dir string) (string, error) {
	home := filepath.Join("/var/tmp", fmt.Sprintf("couponbook-%x", sha256.Sum256([]byte(dir)))[:len("couponbook-")+12])
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("create directory for Postgres: %w", err)
	}
	info, err := os.Lstat(home)
	if err != nil {
		return "", fmt.Errorf("check directory for Postgres: %w", err)
	}
	// Anyone may write to /var/tmp, so the name may be somebody's trap.
	if stat, known := info.Sys().(*syscall.Stat_t); !known || !info.IsDir() || stat.Uid != 0 {
		return "", fmt.Errorf("check directory for Postgres: %s is not a directory of root: remove it", home)
	}
	if err := os.Chmod(home, 0o711); err != nil { //nolint:gosec // nobody passes through, whatever the umask was
		return "", fmt.Errorf("open directory for Postgres: %w", err)
	}
	if err := os.Symlink(home, filepath.Join(dir, "elsewhere")); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("link directory for Postgres: %w", err)
	}
	return home, nil
}
