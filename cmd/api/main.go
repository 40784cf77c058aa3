// Command api serves the HTTP API, the web app and the queue monitor.
// Its settings come from the environment; see docs/operations.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"couponbook/internal/auth"
	"couponbook/internal/config"
	"couponbook/internal/health"
	"couponbook/internal/httpapi"
	"couponbook/internal/postgres"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
	"couponbook/internal/telemetry"
	"couponbook/web"
)

// drain is how long requests under way may take once the process is told to stop.
const drain = 25 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("api stopped", "error", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.ReadAPI()
	if err != nil {
		return err
	}
	if err = telemetry.SetUpLog(os.Stderr, "api", cfg.LogLevel); err != nil {
		return err
	}
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, cfg.APIConnections)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := postgres.NewMigrator(pool)
	if err != nil {
		return err
	}
	defer func() { _ = migrator.Close() }()
	if err = migrator.Check(ctx); err != nil {
		return err
	}
	redis, err := redisdb.Open(cfg.RedisURL, redisdb.ForQueues)
	if err != nil {
		return err
	}
	defer func() { _ = redis.Close() }()
	if err = redisdb.Check(ctx, redis); err != nil && !errors.Is(err, redisdb.ErrUnreachable) {
		return err // one that is away may come back; one that evicts loses tasks
	}
	passwords, err := auth.NewPasswords()
	if err != nil {
		return err
	}
	tokens, err := auth.NewTokens(cfg.AuthSecret, cfg.SessionTTL)
	if err != nil {
		return err
	}

	store, tasks := postgres.NewStore(pool), queue.NewClient(redis)
	ringer := queue.NewRinger(tasks.RingBook)
	followers := service.NewFollowers(store)
	claims := service.NewClaims(store, followers, ringer.Ring)
	books := service.New(store, tasks)
	metrics := telemetry.NewMetrics(pool)
	handler, err := httpapi.New(httpapi.Options{
		Accounts: service.NewAccounts(store, passwords, tokens), Service: books,
		Claims: claims, Followers: followers,
		Health: health.Checks{
			Postgres: store.Ping, Migrations: migrator.Check,
			Redis: func(ctx context.Context) error { return redis.Ping(ctx).Err() },
		},
		Tokens: tokens, Cursors: httpapi.NewCursors(cfg.AuthSecret), Web: web.Files(),
		Monitor: httpapi.NewMonitor(redis), Observe: metrics.Request,
		CookieSecure: cfg.CookieSecure, TrustedProxies: cfg.TrustedProxies,
	})
	if err != nil {
		return err
	}

	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { ringer.Run(loops) })
	running.Go(func() { claims.Run(loops) })
	running.Go(func() { followers.Run(loops) })
	running.Go(func() { tasks.FollowDone(loops, followers.Done) })
	defer books.Close()
	defer claims.Close()
	defer running.Wait() // the ringer's last ring is for claims accepted while we drained
	defer stopLoops()
	return serve(ctx, cfg, handler, metrics.Handler(), followers.Close)
}

// serve answers until ctx ends, and then lets requests under way finish.
func serve(ctx context.Context, cfg config.Config, api, metrics http.Handler, closing func()) error {
	servers := map[string]*http.Server{
		cfg.Listen: {
			Handler: api, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
			WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		},
		cfg.Metrics: {Handler: metrics, ReadHeaderTimeout: 5 * time.Second},
	}
	failed := make(chan error, len(servers))
	for address, server := range servers {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen on %s: choose another address with LISTEN or METRICS_LISTEN: %w", address, err)
		}
		slog.InfoContext(ctx, "listening", "address", listener.Addr().String())
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping")
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	closing()
	var err error
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(patience))
	}
	return err
}
