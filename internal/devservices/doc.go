// Package devservices starts a private Postgres and a private Redis for
// development and tests, on a machine where neither is installed or running.
//
// It uses the programs that the machine has and fetches what is missing into a
// cache of the user. Nothing is installed, no other server is touched, and
// both servers listen on the loopback only and end with the process that
// started them. It is never for production, knows nothing of the product, and
// reads no environment variables of ours: the caller passes options.
package devservices

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

var (
	// ErrBusy says that another run, maybe in the same process, has the server
	// of this directory. The message around it names the directory.
	ErrBusy = errors.New("in use by another run")

	// ErrDiskFull says that a server or a download found no space left. The
	// message around it names the directory to make room in.
	ErrDiskFull = errors.New("the disk is full")
)

// say writes one progress line for people. A nil log is silent, and a broken
// one is no reason to stop.
func say(log io.Writer, format string, args ...any) {
	if log != nil {
		_, _ = fmt.Fprintf(log, format+"\n", args...)
	}
}

// startError wraps the failure to start a server on dir. A full disk may show
// at any step, down to the lock, so it is recognised here for all of them.
func startError(name, dir string, err error) error {
	if full := diskFull(err.Error(), dir); full != nil && !errors.Is(err, ErrDiskFull) {
		err = fmt.Errorf("%w: %w", full, err)
	}
	return fmt.Errorf("start private %s: %w", name, err)
}

// cacheOf answers where downloads are kept: in the directory the caller asked
// for, else in the user's cache, which all checkouts share, else in fallback,
// for users who have no home.
func cacheOf(asked, fallback string) (string, error) {
	dir := asked
	if dir == "" {
		dir = fallback
		if home, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(home, "couponbook")
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("locate cache directory: %w", err)
	}
	return dir, nil
}

// makeDir creates the directory of a server, for its user alone, and answers
// its absolute path.
func makeDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("locate server directory: no directory given: set Dir")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("locate server directory: %w", err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return "", fmt.Errorf("create server directory: %w: choose a directory that you may write to", err)
	}
	return abs, nil
}
