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
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"couponbook/internal/auth"
	"couponbook/internal/backing"
	"couponbook/internal/config"
	"couponbook/internal/httpapi"
	"couponbook/internal/limit"
	"couponbook/internal/queue"
	"couponbook/internal/service"
	"couponbook/internal/telemetry"
	"couponbook/internal/webhook"
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
	debug.SetGCPercent(cfg.GCPercent)
	stopTraces, err := telemetry.SetUpTraces(ctx, "api", cfg.TracesTo, cfg.TraceRatio)
	if err != nil {
		return err
	}
	defer stopTraces()
	behind, err := backing.Connect(ctx, cfg.DatabaseURL, cfg.APIConnections, cfg.RedisURL)
	if err != nil {
		return err
	}
	defer behind.Close()
	passwords, err := auth.NewPasswords()
	if err != nil {
		return err
	}
	keys, err := cfg.Keyring()
	if err != nil {
		return err
	}
	tokens := auth.NewTokens(keys, cfg.AccessTTL)
	ended := service.NewEndedSessions(behind.Store, tokens.Lives())
	if err = ended.Look(ctx); err != nil { // before anybody can use one
		return fmt.Errorf("read ended sessions: %w", err)
	}

	store, tasks := behind.Store, queue.NewClient(behind.Redis)
	ringer := queue.NewRinger(tasks.RingBook)
	followers := service.NewFollowers(store)
	claims := service.NewClaims(store, followers, ringer.Ring)
	books := service.New(store, tasks)
	claims.ShedAfter, books.ShedAfter = cfg.ShedAfter, cfg.ShedAfter
	sender := webhook.NewSender(cfg.WebhookGuard(), nil)
	defer sender.Close()
	metrics := telemetry.NewMetrics(behind.Pool)
	accounts := service.NewAccounts(store, passwords, tokens, ended, service.SessionTimes{Idle: cfg.SessionIdle, Most: cfg.SessionMost})
	cases := service.UseCases{Service: books, Webhooks: service.NewWebhooks(books, sender), Accounts: accounts}
	limits := limit.New(behind.Redis)
	handler, err := httpapi.New(httpapi.Options{
		Accounts: accounts, Service: books, Webhooks: cases.Webhooks, Keyed: service.NewKeyed(cases),
		Claims: claims, Followers: followers, Till: service.NewTill(store, auth.NewLockTokens(keys)),
		Health: behind.Checks, Tokens: tokens, Cursors: httpapi.NewCursors(keys), Links: httpapi.NewLinks(keys), Web: web.Files(),
		Tasks: tasks.Tasks, Monitor: httpapi.NewMonitor(behind.Redis), Observe: metrics.Request, Limits: limits, Rates: cfg.Rates,
		UploadWithin: service.UploadWithin, CookieSecure: cfg.CookieSecure, TrustedProxies: cfg.TrustedProxies, CORSOrigins: cfg.CORSOrigins,
		Showcase: cfg.Showcase,
	})
	if err != nil {
		return err
	}

	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { ringer.Run(loops) })
	running.Go(func() { claims.Run(loops) })
	running.Go(func() { accounts.Run(loops) })
	running.Go(func() { limits.Run(loops) })
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
