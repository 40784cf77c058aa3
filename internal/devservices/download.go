package devservices

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// downloadOnce fills dir unless it is there. fetch works in a draft that is
// renamed at last, so that a dir which exists is whole. Of several processes
// one fetches and the others wait.
func downloadOnce(ctx context.Context, dir string, fetch func(draft string) error) (err error) {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // holds public programs, which other users run
		return fmt.Errorf("create cache: %w: choose another cache directory", err)
	}
	held, err := waitLock(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	draft := dir + ".new"
	if err := os.RemoveAll(draft); err != nil {
		return fmt.Errorf("remove half-made download: %w", err)
	}
	if err := os.Mkdir(draft, 0o755); err != nil { //nolint:gosec // as above
		return fmt.Errorf("create download directory: %w", err)
	}
	// npm reports success even when its files were cut short by a full disk.
	if err := cmp.Or(fetch(draft), outOfSpace(draft)); err != nil {
		if full := outOfSpace(draft); full != nil && !errors.Is(err, ErrDiskFull) {
			err = fmt.Errorf("%w: %w", full, err)
		}
		return errors.Join(err, os.RemoveAll(draft))
	}
	if err := os.Rename(draft, dir); err != nil {
		return fmt.Errorf("keep download: %w", err)
	}
	return nil
}
