package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/devservices"
	"couponbook/internal/postgres"
	"couponbook/internal/redisdb"
	"couponbook/internal/tcpproxy"
)

const (
	secret     = "a secret of the torture test, which signs nothing real"
	readyAfter = 60 * time.Second
)

// rig is a whole installation: its own Postgres and Redis, with a proxy before
// each, and API and worker processes.
type rig struct {
	dir, bin string
	log      io.Writer

	mu       sync.Mutex
	postgres *devservices.Postgres
	redis    *devservices.Redis

	toPostgres, toRedis *tcpproxy.Proxy
	pool                *pgxpool.Pool // direct, for what only looks
	tasks               redis.UniversalClient
	apis, workers       []*process
	mounted             string // a small disk for Postgres; empty: none
}

// process is one of the product's own, to be killed and paused.
type process struct{ devservices.Process }

// newRig starts an installation in dir with the programs in bin.
func newRig(ctx context.Context, o Options) (_ *rig, err error) {
	r := &rig{dir: o.Dir, bin: o.Bin, log: o.Log}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if o.Scenario == diskFull {
		if err = r.mountDisk(ctx); err != nil {
			return nil, err
		}
	}
	if err = r.startPostgres(ctx); err != nil {
		return nil, err
	}
	if err = r.startRedis(ctx); err != nil {
		return nil, err
	}
	if r.pool, err = postgres.Open(ctx, r.postgres.URL, 8); err != nil {
		return nil, err
	}
	if err = migrate(ctx, r.pool); err != nil {
		return nil, err
	}
	if _, err = r.pool.Exec(ctx, observe); err != nil {
		return nil, err
	}
	if r.tasks, err = redisdb.Open(r.redis.URL, redisdb.ForQueues); err != nil {
		return nil, err
	}
	var databaseURL, redisURL string
	if r.toPostgres, databaseURL, err = tcpproxy.Before(ctx, r.postgres.URL, tcpproxy.Commit); err != nil {
		return nil, err
	}
	if r.toRedis, redisURL, err = tcpproxy.Before(ctx, r.redis.URL, tcpproxy.Commit); err != nil {
		return nil, err
	}
	for i := range o.APIs + o.Workers {
		kind, list := "api", &r.apis
		if i >= o.APIs {
			kind, list = "worker", &r.workers
		}
		p, err := r.newProcess(ctx, kind, len(*list)+1, databaseURL, redisURL)
		if err != nil {
			return nil, err
		}
		*list = append(*list, p)
	}
	return r, r.ready(ctx)
}

// observe notes which worker goes on with which run of a bulk job: what the
// product itself says of that is to be checked.
const observe = `
	CREATE TABLE torture_runs (job_id uuid, epoch integer, worker text, at timestamptz DEFAULT clock_timestamp());
	CREATE FUNCTION torture_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO torture_runs (job_id, epoch, worker) VALUES (NEW.id, NEW.epoch, current_setting('application_name')); RETURN NULL; END $$;
	CREATE TRIGGER torture_note AFTER UPDATE ON jobs FOR EACH ROW
		WHEN (NEW.seq IS NULL AND NEW.heartbeat_at IS DISTINCT FROM OLD.heartbeat_at) EXECUTE FUNCTION torture_note()`

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := postgres.NewMigrator(pool)
	if err != nil {
		return err
	}
	_, err = migrator.Up(ctx)
	return errors.Join(err, migrator.Close())
}

func (r *rig) newProcess(ctx context.Context, kind string, n int, databaseURL, redisURL string) (*process, error) {
	p := &process{devservices.Process{Name: fmt.Sprintf("%s-%d", kind, n), Path: filepath.Join(r.bin, kind)}}
	if _, err := os.Stat(p.Path); err != nil {
		return nil, fmt.Errorf("there is no program %s: build it with `make build`", p.Path)
	}
	p.Log = filepath.Join(r.dir, p.Name+".log")
	ports := make([]int, 2)
	for i := range ports {
		var err error
		if ports[i], err = devservices.FreePort(ctx, 0); err != nil {
			return nil, err
		}
	}
	p.URL = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	p.Probe = fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[0])
	if kind == "worker" {
		p.Probe = fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[1])
	}
	separator := "?"
	if strings.Contains(databaseURL, "?") {
		separator = "&"
	}
	p.Env = []string{
		"DATABASE_URL=" + databaseURL + separator + "application_name=" + p.Name, "REDIS_URL=" + redisURL, "AUTH_SECRET=" + secret,
		"WEBHOOK_ALLOW_HTTP=true", "WEBHOOK_ALLOW_RANGES=127.0.0.0/8", "LOG_LEVEL=info",
		fmt.Sprintf("LISTEN=127.0.0.1:%d", ports[0]), fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", ports[1]),
	}
	return p, p.Start()
}

// kill ends the process as a crash would, and waits until it is gone.
func (p *process) kill() {
	program := p.Now()
	_ = syscall.Kill(program.Pid(), syscall.SIGKILL)
	<-program.Exited()
}

func (p *process) signal(s syscall.Signal) error { return syscall.Kill(p.Now().Pid(), s) }

// ready waits until every process answers.
func (r *rig) ready(ctx context.Context) error {
	for _, p := range append(slices.Clip(r.apis), r.workers...) {
		if err := p.Ready(ctx, readyAfter); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) startPostgres(ctx context.Context) (err error) {
	started, err := devservices.StartPostgres(ctx, devservices.PostgresOptions{Dir: filepath.Join(r.dir, "pg")})
	if err == nil && r.postgres != nil && started.URL != r.postgres.URL {
		return errors.Join(errors.New("the Postgres came back at another address"), started.Stop())
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.postgres = started
	}
	return err
}

func (r *rig) startRedis(ctx context.Context) error {
	started, err := devservices.StartRedis(ctx, devservices.RedisOptions{Dir: filepath.Join(r.dir, "redis")})
	if err == nil && r.redis != nil && started.URL != r.redis.URL {
		return errors.Join(errors.New("the Redis came back at another address"), started.Stop())
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.redis = started
	}
	return err
}

// close ends everything that was started.
func (r *rig) close() error {
	var all sync.WaitGroup
	for _, p := range append(slices.Clip(r.apis), r.workers...) {
		all.Go(func() {
			_ = p.signal(syscall.SIGCONT)
			p.kill()
		})
	}
	all.Wait()
	for _, p := range []*tcpproxy.Proxy{r.toPostgres, r.toRedis} {
		if p != nil {
			p.Close()
		}
	}
	if r.tasks != nil {
		_ = r.tasks.Close()
	}
	if r.pool != nil {
		r.pool.Close()
	}
	var err error
	if r.redis != nil {
		err = r.redis.Stop()
	}
	if r.postgres != nil {
		err = errors.Join(err, r.postgres.Stop())
	}
	return errors.Join(err, r.unmountDisk())
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
