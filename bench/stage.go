package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"couponbook/internal/auth"
	"couponbook/internal/config"
	"couponbook/internal/coupon"
	"couponbook/internal/devservices"
	"couponbook/internal/postgres"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
)

const (
	product = "couponbook"
	secret  = "a secret of the benchmark, no other"
)

// size is how much is measured.
type size struct {
	rounds    int
	codeCount int // of P6 and P7
}

// stage is what all measurements share: the database, the people and their
// tokens, the programs, and what was found.
type stage struct {
	size
	dir        string   // for files
	env        []string // of the programs
	pool       *pgxpool.Pool
	redis      redis.UniversalClient
	queue      *queue.Client
	service    *service.Service // rings nobody
	queued     *service.Service // rings the worker
	owner      auth.Principal
	ownerToken string
	users      []coupon.User
	tokens     []string
	designs    []design // the product first
	emptyHost  string
	running    map[string]*devservices.Program
	private    map[string]string // where each serves metrics and profiles
	postmaster int
	redisPid   int
	report     report
}

func newStage(ctx context.Context, dir string, size size) (*stage, error) {
	cfg, err := config.ReadTool()
	if err != nil {
		return nil, err
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" {
		return nil, errors.New("run `make bench`, which brings Postgres and Redis")
	}
	s := &stage{size: size, dir: dir, running: map[string]*devservices.Program{}, private: map[string]string{}, report: report{At: time.Now().UTC()}}
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
	client, err := redisdb.Open(cfg.RedisURL, redisdb.ForQueues)
	if err != nil {
		return nil, err
	}
	s.redis, s.queue = client, queue.NewClient(client)
	store := postgres.NewStore(s.pool)
	s.service, s.queued = service.New(store, silent{}), service.New(store, s.queue)
	if err = s.people(ctx); err != nil {
		return nil, err
	}
	if s.report.Machine, err = s.machine(ctx); err != nil {
		return nil, err
	}
	s.env = []string{
		"DATABASE_URL=" + cfg.DatabaseURL, "REDIS_URL=" + cfg.RedisURL, "AUTH_SECRET=" + secret, "LOG_LEVEL=warn",
		"WEBHOOK_ALLOW_HTTP=true", "WEBHOOK_ALLOW_RANGES=127.0.0.0/8",
	}
	if err = s.startProduct(ctx); err != nil {
		return nil, err
	}
	return s, s.findServers(ctx)
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
		if i == claims {
			user.Role = coupon.Manager
		}
		token, err := tokens.Issue(user, uuid.New(), time.Now())
		if err != nil {
			return err
		}
		s.users, s.tokens = append(s.users, user), append(s.tokens, token.Text)
	}
	s.owner, s.ownerToken = auth.Principal{UserID: ids[claims], Role: coupon.Manager}, s.tokens[claims]
	s.users, s.tokens = s.users[:claims], s.tokens[:claims]
	_, err = s.pool.Exec(ctx, `INSERT INTO users (id, role) SELECT id, CASE id WHEN $2 THEN $3 ELSE $4 END FROM unnest($1::uuid[]) AS id`,
		ids, ids[claims], coupon.Manager, coupon.UserRole)
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
	return book.ID, s.settle(ctx)
}

// settle has Postgres write what it would write in the middle of what is
// measured next.
func (s *stage) settle(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `CHECKPOINT`)
	return err
}
