package devservices

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// debArchive fetches packages of Debian or Ubuntu with the system's own apt and
// its signatures, but with caches of its own.
type debArchive struct {
	machine machine
	dir     string // below: debs, root, and apt, which goes when done
	private bool   // with package lists of its own
	log     io.Writer
}

func openArchive(m machine, dir string, log io.Writer) (*debArchive, error) {
	for _, sub := range []string{"debs", "root", "apt/cache/archives/partial", "apt/lists/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("create download directory: %w", err)
		}
	}
	return &debArchive{machine: m, dir: dir, log: log}, nil
}

// unpack downloads the packages and unpacks them into root. The system's
// package lists may be missing, as in a fresh container, or name versions that
// are gone; then it fetches lists of its own.
func (a *debArchive) unpack(ctx context.Context, packages []string) error {
	err := a.apt(ctx, append([]string{"download"}, packages...)...)
	if err != nil && !a.private && ctx.Err() == nil {
		a.private = true
		say(a.log, "redis: fetching package lists, since those of the system do not serve")
		if err := a.apt(ctx, "update"); err != nil {
			return err
		}
		err = a.apt(ctx, append([]string{"download"}, packages...)...)
	}
	if err != nil {
		return err
	}
	for _, name := range packages {
		debs, _ := fs.Glob(os.DirFS(filepath.Join(a.dir, "debs")), name+"_*.deb") // package names hold no wildcard
		for _, deb := range debs {
			if _, err := a.run(ctx, "dpkg-deb", "--extract", deb, filepath.Join(a.dir, "root")); err != nil {
				return err
			}
		}
	}
	return nil
}

// libraries answers the libraries that the packages so far depend on, that the
// system lacks, and that were not tried yet.
func (a *debArchive) libraries(ctx context.Context, tried map[string]bool) ([]string, error) {
	debs, err := fs.Glob(os.DirFS(filepath.Join(a.dir, "debs")), "*.deb")
	if err != nil {
		return nil, fmt.Errorf("list downloaded packages: %w", err)
	}
	var found []string
	for _, deb := range debs {
		depends, err := a.run(ctx, "dpkg-deb", "--field", deb, "Depends")
		if err != nil {
			return nil, err
		}
		for _, name := range dependencies(depends) {
			library := strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "lua-")
			if library && !tried[name] && !a.installed(ctx, name) {
				tried[name] = true
				found = append(found, name)
			}
		}
	}
	return found, nil
}

// dependencies answers the package names in a Depends field, the first of each
// set of alternatives, without versions and architectures.
func dependencies(field string) []string {
	var names []string
	for alternatives := range strings.SplitSeq(field, ",") {
		first, _, _ := strings.Cut(alternatives, "|")
		name, _, _ := strings.Cut(strings.TrimSpace(first), " ")
		name, _, _ = strings.Cut(name, ":")
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (a *debArchive) installed(ctx context.Context, name string) bool {
	status, err := a.run(ctx, "dpkg-query", "--show", "--showformat=${db:Status-Status}", name)
	return err == nil && status == "installed"
}

// tidy removes what only the fetching needed.
func (a *debArchive) tidy() error {
	for _, sub := range []string{"apt", "debs"} {
		if err := os.RemoveAll(filepath.Join(a.dir, sub)); err != nil {
			return fmt.Errorf("tidy download directory: %w", err)
		}
	}
	return nil
}
