package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"couponbook/internal/auth"
	"couponbook/internal/config"
	"couponbook/internal/coupon"
	"couponbook/internal/devservices"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

const (
	product = "couponbook"
	secret  = "a secret of the benchmark, no other"
)

// design is a way to claim: a host that serves it.
type design struct{ name, host string }

// stage is what the designs share: the database, the people and their tokens.
type stage struct {
	pool    *pgxpool.Pool
	service *service.Service
	owner   auth.Principal
	users   []coupon.User
	tokens  []string
	designs []design
	running []*devservices.Program
}

func newStage(ctx context.Context, dir string) (*stage, error) {
	cfg, err := config.ReadTool()
	if err != nil {
		return nil, err
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" {
		return nil, errors.New("run `make bench-quick`, which brings Postgres and Redis")
	}
	s := &stage{}
	if s.pool, err = postgres.Open(ctx, cfg.DatabaseURL, 8); err != nil {
		return nil, err
	}
	migrator, err := postgres.NewMigrator(s.pool)
	if err != nil {
		return nil, err
	}
	if _, err = migrator.Up(ctx); err != nil {
		return nil, err
	}
	say("building the programs")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", dir, "./cmd/api", "./cmd/worker", "./bench/peer")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	s.service = service.New(postgres.NewStore(s.pool), silent{})
	if err = s.people(ctx); err != nil {
		return nil, err
	}
	env := []string{"DATABASE_URL=" + cfg.DatabaseURL, "REDIS_URL=" + cfg.RedisURL, "AUTH_SECRET=" + secret, "LOG_LEVEL=warn"}
	if err = s.start(ctx, dir, "worker", "", env); err != nil {
		return nil, err
	}
	for _, name := range []string{product, "synchronous", "advisory-lock"} {
		program := "peer" // which takes its design as argument
		if name == product {
			program = "api"
		}
		if err = s.start(ctx, dir, program, name, env); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// start runs a program; one with a name is a design, waited for.
func (s *stage) start(ctx context.Context, dir, program, name string, env []string) error {
	port, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return err
	}
	metrics, err := devservices.FreePort(ctx, 0)
	if err != nil {
		return err
	}
	host := fmt.Sprintf("127.0.0.1:%d", port)
	env = append(slices.Clip(env), "LISTEN="+host, fmt.Sprintf("METRICS_LISTEN=127.0.0.1:%d", metrics))
	p, err := devservices.StartProgram(filepath.Join(dir, program), env, filepath.Join(dir, program+name+".log"), name)
	if err != nil {
		return err
	}
	s.running = append(s.running, p)
	if name == "" {
		return nil
	}
	s.designs = append(s.designs, design{name, host})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			return nil
		}
		<-time.After(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not get ready", name)
}

// people makes the users and signs their tokens, before any clock runs.
func (s *stage) people(ctx context.Context) error {
	keys, err := auth.NewKeyring(secret, "")
	if err != nil {
		return err
	}
	tokens := auth.NewTokens(keys, 24*time.Hour)
	ids := make([]uuid.UUID, claims+1)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
		user := coupon.User{ID: ids[i], Role: coupon.UserRole}
		token, err := tokens.Issue(user, uuid.New(), time.Now())
		if err != nil {
			return err
		}
		s.users, s.tokens = append(s.users, user), append(s.tokens, token.Text)
	}
	s.owner = auth.Principal{UserID: ids[claims], Role: coupon.Manager}
	_, err = s.pool.Exec(ctx, `INSERT INTO users (id) SELECT unnest($1::uuid[])`, ids)
	return err
}

func (s *stage) close() {
	for _, p := range s.running {
		_ = p.Stop()
	}
	s.pool.Close()
}

// silent is a queue for use cases that run here and now.
type silent struct{}

func (silent) RingBook(context.Context, uuid.UUID) error                { return nil }
func (silent) RingJob(context.Context, coupon.JobKind, uuid.UUID) error { return nil }
func (silent) RingEndpoint(context.Context, uuid.UUID) error            { return nil }
func (silent) PublishDone(context.Context, []uuid.UUID) error           { return nil }

// book makes an active book with codes, and lets Postgres settle after it.
func (s *stage) book(ctx context.Context, codes int) (uuid.UUID, error) {
	book, err := s.service.CreateBook(ctx, s.owner, coupon.NewSettings("bench"))
	if err != nil {
		return book.ID, err
	}
	job, err := s.service.SubmitGenerate(ctx, s.owner, service.GenerateRequest{BookID: book.ID, Count: codes})
	if err != nil {
		return book.ID, err
	}
	if _, err = s.service.Generate(ctx, job.Job.ID); err != nil {
		return book.ID, err
	}
	if _, err = s.service.MoveBook(ctx, s.owner, book.ID, coupon.Active); err != nil {
		return book.ID, err
	}
	_, err = s.pool.Exec(ctx, `CHECKPOINT`)
	return book.ID, err
}
