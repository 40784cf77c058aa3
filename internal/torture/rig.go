package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

	toPostgres, toRedis *proxy
	pool                *pgxpool.Pool // direct, for what only looks
	tasks               redis.UniversalClient
	apis, workers       []*process
	mounted             string // a small disk for Postgres; empty: none
}

// process is one of the product's own.
type process struct {
	name, path, log string
	url, probe      string
	env             []string

	mu      sync.Mutex
	program *devservices.Program
}

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
	if r.toPostgres, databaseURL, err = before(ctx, r.postgres.URL); err != nil {
		return nil, err
	}
	if r.toRedis, redisURL, err = before(ctx, r.redis.URL); err != nil {
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

// before puts a proxy before a server, and returns the server's URL by way of it.
func before(ctx context.Context, address string) (*proxy, string, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	p, err := newProxy(ctx, target.Host)
	if err != nil {
		return nil, "", err
	}
	target.Host = p.address()
	return p, target.String(), nil
}

func (r *rig) newProcess(ctx context.Context, kind string, n int, databaseURL, redisURL string) (*process, error) {
	p := &process{name: fmt.Sprintf("%s-%d", kind, n), path: filepath.Join(r.bin, kind)}
	if _, err := os.Stat(p.path); err != nil {
		return nil, fmt.Errorf("there is no program %s: build it with `make build`", p.path)
	}
	p.log = filepath.Join(r.dir, p.name+".log")
	ports := make([]int, 2)
	for i := range ports {
		var err error
		if ports[i], err = devservices.FreePort(ctx, 0); err != nil {
			return nil, err
		}
	}
	p.url = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	p.probe = fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[0])
	if kind == "worker" {
		p.probe = fmt.Sprintf("http://127.0.0.1:%d/healthz", ports[1])
	}
	separator := "?"
	if strings.Contains(databaseURL, "?") {
		separator = "&"
	}
	p.env = []string{
		"DATABASE_URL=" + databaseURL + separator + "application_name=" + p.name, "REDIS_URL=" + redisURL, "AUTH_SECRET=" + secret,
		"WEBHOOK_ALLOW_HTTP=true", "WEBHOOK_ALLOW_RANGES=127.0.0.0/8", "LOG_LEVEL=info",
		fmt.Sprintf("LISTEN=127.0.0.1:%d", ports[0]), fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", ports[1]),
	}
	return p, p.start()
}

func (p *process) start() error {
	program, err := devservices.StartProgram(p.path, p.env, p.log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.program = program
	return nil
}

func (p *process) now() *devservices.Program {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.program
}

// kill ends the process as a crash would, and waits until it is gone.
func (p *process) kill() {
	program := p.now()
	_ = syscall.Kill(program.Pid(), syscall.SIGKILL)
	<-program.Exited()
}

func (p *process) signal(s syscall.Signal) error { return syscall.Kill(p.now().Pid(), s) }

// ready waits until every process answers.
func (r *rig) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyAfter)
	defer cancel()
	for _, p := range append(slices.Clip(r.apis), r.workers...) {
		for !answers(ctx, p.probe) {
			if ctx.Err() != nil {
				return fmt.Errorf("%s does not get ready: see %s", p.name, p.log)
			}
			pause(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

func answers(ctx context.Context, probe string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
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
	for _, p := range []*proxy{r.toPostgres, r.toRedis} {
		if p != nil {
			p.close()
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
