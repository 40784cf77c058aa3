package devservices

import (
	"context"
	"errors"
	"io"
	"path/filepath"
)

// RedisOptions say where and how to run a private Redis.
type RedisOptions struct {
	// Dir holds everything the server keeps, in the directory redis: data, log
	// and port. It is created when missing, and one server at a time may have it.
	Dir string

	// CacheDir keeps downloaded programs. Empty means the user's cache.
	CacheDir string

	// AllowInMemory permits an imitation inside this process when no Redis is
	// to be had. It forgets everything when it stops.
	AllowInMemory bool

	// Log takes progress lines for people; it may be nil.
	Log io.Writer

	machine *machine // tests imitate other machines
}

// Redis is a private server that this process started. It ends with the
// process, on Linux even when the process is killed.
type Redis struct {
	// URL reaches database 0. It stays the same from start to start while its
	// port is free.
	URL string

	// Picked is one sentence that says which program runs, and why that.
	Picked string

	// InMemory says that this is the imitation inside the process.
	InMemory bool

	stop   func() error
	pid    int
	exited <-chan struct{}
}

// StartRedis starts a server on o.Dir and returns once it answers. It appends
// every write to a file and syncs that every second, and refuses writes rather
// than evicting keys. The first start may download 1.4 MB. It picks up after a
// killed run. Canceling ctx stops the start, but not a server that has started.
//
// It fails with [ErrBusy] while another run has o.Dir, and with [ErrDiskFull].
func StartRedis(ctx context.Context, o RedisOptions) (*Redis, error) {
	r, err := startRedis(ctx, o)
	if err != nil {
		return nil, startError("redis", o.Dir, err)
	}
	return r, nil
}

func startRedis(ctx context.Context, o RedisOptions) (_ *Redis, err error) {
	m := thisMachine()
	if o.machine != nil {
		m = *o.machine
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	held, err := tryLock(filepath.Join(dir, "redis.lock"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, held.release())
		}
	}()
	home, err := makeDir(filepath.Join(dir, "redis"))
	if err != nil {
		return nil, err
	}
	program, err := findRedis(ctx, m, o.CacheDir, filepath.Join(dir, "cache"), o.Log)
	if errors.Is(err, errNoRedis) && o.AllowInMemory {
		return startInMemory(ctx, home, err, held, o.Log)
	}
	if err != nil {
		return nil, err
	}
	say(o.Log, "redis: %s", program.picked)
	return program.serve(ctx, home, held, o.Log)
}

// Stop ends the server in order, with all its data on the disk. It returns when
// the server is gone, and may be called again.
func (r *Redis) Stop() error { return r.stop() }

// Pid is the process number of the server, or 0 for the one in memory.
func (r *Redis) Pid() int { return r.pid }

// Exited closes when the server has ended, whoever ended it. Call Stop even
// then, to let others have the directory.
func (r *Redis) Exited() <-chan struct{} { return r.exited }
