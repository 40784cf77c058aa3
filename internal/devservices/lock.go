package devservices

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lock is held by one process at a time. The kernel releases it when its
// holder dies, so it never goes stale, unlike a file that merely exists.
type lock struct{ file *os.File }

// tryLock takes the lock at path, or fails with ErrBusy when someone has it.
func tryLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 20)
		n, _ := file.ReadAt(holder, 0) // the number is a courtesy: without it the error is still right
		_ = file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, fmt.Errorf("lock %s: %w (process %s): stop that run, or choose another directory",
			filepath.Dir(path), ErrBusy, strings.TrimSpace(string(holder[:n])))
	}
	l := &lock{file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock: %w", err), l.release())
	}
	return l, nil
}

// waitLock is tryLock for the downloads: whoever comes second waits for the
// first to finish, and then finds the work done.
func waitLock(ctx context.Context, path string) (*lock, error) {
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		l, err := tryLock(path)
		if err == nil || !errors.Is(err, ErrBusy) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another download: %w: %w", err, ctx.Err())
		case <-retry.C:
		}
	}
}

// sign leaves our process number for whoever finds the lock taken.
func (l *lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release gives the lock up. Closing the file is not enough: a child that is
// just being forked has a copy of it until it runs its own program. The file
// stays: removing it would let two runs lock two different files of one name.
func (l *lock) release() error {
	err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	if err := errors.Join(err, l.file.Close()); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}
