package devservices

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// openLog opens a fresh log for a server and keeps the one of the last run
// beside it, so that logs neither mix nor grow without end.
func openLog(path string) (*os.File, error) {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("rotate server log: %w", err)
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	return log, nil
}

// readLog answers what the server has logged in this run. A log that cannot be
// read is empty: it only decorates an error that is reported anyway.
func readLog(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// tail answers the last lines of text, indented to stand out in an error.
func tail(text string, lines int) string {
	if text == "" {
		return "  (it printed nothing)"
	}
	all := strings.Split(text, "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return "  " + strings.Join(all, "\n  ")
}

// oneLine makes one reason of several, to be part of a sentence.
func oneLine(reasons []error) error {
	texts := make([]string, len(reasons))
	for i, reason := range reasons {
		texts[i] = strings.Join(strings.Fields(reason.Error()), " ")
	}
	return errors.New(strings.Join(texts, "; "))
}

// diskFull recognises the words for a full disk in what a program printed, or
// in an error. It answers nil when there is none.
func diskFull(text, dir string) error {
	for _, word := range []string{"No space left on device", "no space left on device", "ENOSPC", "Check free disk space"} {
		if strings.Contains(text, word) {
			return fmt.Errorf("%w (%s): make room on the disk that holds %s, or choose another directory", ErrDiskFull, word, dir)
		}
	}
	return nil
}

// outOfSpace measures instead, for servers whose log has no room for the word.
func outOfSpace(dir string) error {
	const scarce = 64 // blocks, mostly of 4 KiB
	var disk syscall.Statfs_t
	if syscall.Statfs(dir, &disk) == nil && disk.Bavail < scarce {
		return diskFull("No space left on device", dir)
	}
	return nil
}
