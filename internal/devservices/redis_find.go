package devservices

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
)

// errNoRedis says that no Redis is to be had on this machine.
var errNoRedis = errors.New("no redis is to be had here")

const howToRedis = "install Redis 6.2 or newer (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis; " +
	"others: redis.io/docs/latest/get-started), or set REDIS_URL to a server you have"

// redisProgram is a Redis, or a Valkey, that can be run.
type redisProgram struct {
	path   string
	env    []string // to add to the environment
	picked string
}

// RedisBinary finds a redis-server, or a valkey-server, of at least version
// 6.2: the one on the PATH, else on Debian and Ubuntu one that it fetches into
// cacheDir, which is the user's cache when empty. Nothing is installed. Run
// path with env added to the environment; picked says in one sentence which it
// is, and why. log may be nil.
func RedisBinary(ctx context.Context, cacheDir string, log io.Writer) (path string, env []string, picked string, err error) {
	found, err := findRedis(ctx, thisMachine(), cacheDir, "", log)
	if err != nil {
		return "", nil, "", err
	}
	return found.path, found.env, found.picked, nil
}

func findRedis(ctx context.Context, m machine, cacheDir, fallback string, log io.Writer) (redisProgram, error) {
	installed, why := installedRedis(ctx, m)
	if why == nil {
		return installed, nil
	}
	if !m.has("apt-get", "dpkg-deb") {
		return redisProgram{}, fmt.Errorf("find redis: %w: %w: %s", errNoRedis, why, howToRedis)
	}
	cache, err := cacheOf(cacheDir, fallback)
	if err != nil {
		return redisProgram{}, err
	}
	fetched, err := debRedis(ctx, m, cache, log)
	if err != nil {
		if ctx.Err() != nil {
			return redisProgram{}, fmt.Errorf("fetch redis: %w: %w", ctx.Err(), err)
		}
		return redisProgram{}, fmt.Errorf("find redis: %w: %w, and fetching one failed: %w: %s", errNoRedis, why, err, howToRedis)
	}
	fetched.picked = fmt.Sprintf("%s, since %v", fetched.picked, why)
	return fetched, nil
}

// installedRedis answers the one on the PATH; its error says why there is none.
func installedRedis(ctx context.Context, m machine) (redisProgram, error) {
	var refused []error
	for _, name := range []string{"redis-server", "valkey-server"} {
		path, err := m.lookPath(name)
		if err != nil {
			continue
		}
		found := redisProgram{path: path}
		version, err := found.version(ctx, m)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		found.picked = fmt.Sprintf("%s %s installed as %s", name, version, path)
		return found, nil
	}
	if len(refused) == 0 {
		return redisProgram{}, errors.New("no redis-server or valkey-server is installed")
	}
	return redisProgram{}, oneLine(refused)
}

var redisVersion = regexp.MustCompile(`v=((\d+)\.(\d+)\S*)`)

// version runs the program to see whether it does, and is new enough.
func (p redisProgram) version(ctx context.Context, m machine) (string, error) {
	cmd, err := m.command(ctx, p.path, "--version")
	if err != nil {
		return "", err
	}
	cmd.Env = append(cmd.Env, p.env...)
	text, err := output(cmd, filepath.Dir(p.path))
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", p.path, err)
	}
	match := redisVersion.FindStringSubmatch(text)
	if match == nil {
		return "", fmt.Errorf("%s tells no version: %q", p.path, text)
	}
	major, _ := strconv.Atoi(match[2]) // only digits match
	minor, _ := strconv.Atoi(match[3])
	if major < 6 || major == 6 && minor < 2 {
		return "", fmt.Errorf("%s is too old: version %s, needed is 6.2 or newer", p.path, match[1])
	}
	return match[1], nil
}
