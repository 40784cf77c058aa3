package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// diskFull is the scenario that needs a disk of its own.
const diskFull = "disk-full"

// smallDisk is how much fits on that: a cluster and some work.
const smallDisk = "700m"

// mountDisk gives Postgres a small disk. That takes an administrator of this machine.
func (r *rig) mountDisk(ctx context.Context) error {
	disk := filepath.Join(r.dir, "pg")
	if err := os.MkdirAll(disk, 0o700); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "mode=0700,size="+smallDisk, "tmpfs", disk).CombinedOutput(); err != nil {
		return fmt.Errorf("scenario %s needs a small disk of its own, which cannot be mounted here (are you root?): %s %w", diskFull, out, err)
	}
	r.mounted = disk
	return nil
}

func (r *rig) unmountDisk() error {
	if r.mounted == "" {
		return nil
	}
	return exec.Command("umount", r.mounted).Run() //nolint:noctx // it ends what the run began
}

// fillDisk leaves Postgres no room for a while. It hits once Postgres has said so.
func (c *chaos) fillDisk(ctx context.Context) (hit bool, err error) {
	if c.mounted == "" {
		return false, errors.New("the disk is not a small one")
	}
	filler := filepath.Join(c.mounted, "filler")
	file, err := os.Create(filler)
	if err != nil {
		return false, err
	}
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = file.Write(block)
	}
	if err = file.Close(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return false, err
	}
	log, err := filepath.Glob(filepath.Join(c.dir, "pg", "*", "server.log"))
	if err != nil || len(log) == 0 {
		return false, errors.Join(err, errors.New("there is no log of Postgres"))
	}
	for end := time.Now().Add(30 * time.Second); !hit && time.Now().Before(end); pause(ctx, 100*time.Millisecond) {
		hit = says(log[0], "No space left on device")
	}
	pause(ctx, c.lasts(2*time.Second, 4*time.Second))
	if err = os.Remove(filler); err != nil {
		return hit, err
	}
	select {
	case <-c.postgres.Exited():
		_ = c.postgres.Stop() // it has ended: only its lock is let go
		return hit, c.startPostgres(ctx)
	default:
		return hit, nil
	}
}

func says(file, text string) bool {
	data, err := os.ReadFile(file)
	return err == nil && bytes.Contains(data, []byte(text))
}
