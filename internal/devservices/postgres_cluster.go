package devservices

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// cluster is the data of one major version, beside its password and log.
type cluster struct {
	dir      string
	password string
}

func (c cluster) data() string { return filepath.Join(c.dir, "data") }

// ensureCluster opens the cluster of the programs' major version, or makes it.
// Every version has its own: Postgres cannot open the data of another major.
func ensureCluster(ctx context.Context, user identity, programs binaries, o PostgresOptions) (cluster, error) {
	dir := filepath.Join(user.home, "pg"+strconv.Itoa(programs.major))
	if _, err := os.Stat(filepath.Join(dir, "data", "PG_VERSION")); errors.Is(err, os.ErrNotExist) {
		say(o.Log, "postgres: making a new cluster in %s", dir)
		if err := makeCluster(ctx, user, programs, dir, o.Fast); err != nil {
			return cluster{}, fmt.Errorf("make cluster: %w", err)
		}
	} else if err != nil {
		return cluster{}, fmt.Errorf("open cluster: %w", err)
	}
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return cluster{}, fmt.Errorf("open cluster: %w: without its password the data is lost: remove %s (make clean)", err, dir)
	}
	return cluster{dir: dir, password: strings.TrimSpace(string(password))}, nil
}

// makeCluster builds the whole cluster under another name and renames it at
// last, so that a run killed halfway leaves nothing that looks finished.
func makeCluster(ctx context.Context, user identity, programs binaries, dir string, fast bool) (err error) {
	draft := dir + ".new"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("remove half-made cluster: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(draft))
		}
	}()
	if err := os.Mkdir(draft, user.dirMode()); err != nil {
		return err
	}
	data := filepath.Join(draft, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	// initdb reads the password as the other user; the copy we keep stays ours.
	password, handover := filepath.Join(draft, "password"), filepath.Join(draft, "handover")
	secret := rand.Text()
	if err := errors.Join(
		writeSecret(password, secret), writeSecret(handover, secret), user.give(data), user.give(handover),
	); err != nil {
		return err
	}
	if err := initdb(ctx, user, programs, data, handover, fast); err != nil {
		return err
	}
	if err := os.Remove(handover); err != nil {
		return err
	}
	if err := os.Rename(draft, dir); err != nil {
		return fmt.Errorf("put cluster in place: %w: remove %s (make clean)", err, dir)
	}
	return nil
}

// initdb makes the data directory. The locale C sorts alike on every system.
// Even on the loopback a password is asked for: other people may be logged in.
func initdb(ctx context.Context, user identity, programs binaries, data, password string, fast bool) error {
	args := []string{
		"--pgdata", data, "--username", databaseUser, "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
	}
	if fast {
		args = append(args, "--no-sync")
	}
	cmd := user.command(ctx, filepath.Join(programs.dir, "initdb"), args...)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// Else it would go on writing when we are killed, while the next run clears
	// up. Why the thread is locked, see startChild.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)
	if _, err := output(cmd, filepath.Dir(data)); err != nil {
		return fmt.Errorf("run initdb: %w", err)
	}
	return nil
}

// writeSecret returns once the file is on the disk: a cluster whose password
// got lost in a power cut cannot be opened.
func writeSecret(path, secret string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write password: %w", err)
	}
	_, err = io.WriteString(file, secret+"\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write password: %w", err)
	}
	return nil
}
