// Command worker does the jobs that the API accepted. Run as many as you like.
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

	"couponbook/internal/backing"
	"couponbook/internal/config"
	"couponbook/internal/health"
	"couponbook/internal/jobs"
	"couponbook/internal/loop"
	"couponbook/internal/mutex"
	"couponbook/internal/queue"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
	"couponbook/internal/telemetry"
	"couponbook/internal/webhook"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("worker stopped", "error", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.ReadWorker()
	if err != nil {
		return err
	}
	if err = telemetry.SetUpLog(os.Stderr, "worker", cfg.LogLevel); err != nil {
		return err
	}
	debug.SetGCPercent(cfg.GCPercent)
	stopTraces, err := telemetry.SetUpTraces(ctx, "worker", cfg.TracesTo, cfg.TraceRatio)
	if err != nil {
		return err
	}
	defer stopTraces()
	behind, err := backing.Connect(ctx, cfg.DatabaseURL, cfg.WorkerConnections, cfg.RedisURL)
	if err != nil {
		return err
	}
	defer behind.Close()
	locks, err := redisdb.Open(cfg.RedisURL, redisdb.ForMutexes)
	if err != nil {
		return err
	}
	defer func() { _ = locks.Close() }()

	store, tasks := behind.Store, queue.NewClient(behind.Redis)
	drainer := service.NewDrainer(store, mutex.New(locks), tasks)
	bulk := service.New(store, tasks)
	sweeper := service.NewSweeper(store, bulk, drainer, tasks)
	sender := webhook.NewSender(cfg.WebhookGuard(), nil)
	defer sender.Close()
	webhooks := service.NewWebhooks(bulk, sender)
	numbers := telemetry.NewMetrics(behind.Pool)
	numbers.Watch(telemetry.Backlog{Queues: store.Queues, Webhooks: store.Backlog})
	stopMetrics, err := serveMetrics(ctx, cfg.Metrics, numbers.Handler(), behind.Checks)
	if err != nil {
		return err
	}
	defer stopMetrics()

	var running sync.WaitGroup
	running.Go(func() { loop.Every(ctx, time.Second, "sweep claims", sweeper.Claims) })
	running.Go(func() { loop.Every(ctx, time.Second, "sweep bulk jobs", sweeper.Bulk) })
	running.Go(func() { loop.Every(ctx, time.Second, "sweep locks", sweeper.Locks) })
	running.Go(func() { loop.Every(ctx, time.Second, "sweep expiry", sweeper.Expiry) })
	running.Go(func() { loop.Every(ctx, 100*time.Millisecond, "deal events out", webhooks.Dispatch) })
	running.Go(func() { loop.Every(ctx, time.Second, "sweep deliveries", webhooks.SweepDeliveries) })
	running.Go(func() { loop.Every(ctx, time.Hour, "forget old deliveries", webhooks.DropDeliveries) })
	running.Go(func() { loop.Every(ctx, 5*time.Second, "tell of books", sweeper.Notices) })
	running.Go(func() { loop.Every(ctx, 2*time.Second, "count activity", sweeper.Activity) })
	running.Go(func() { loop.Every(ctx, time.Hour, "forget old answers", sweeper.Answers) })
	running.Go(func() { loop.Every(ctx, time.Hour, "forget old sessions", sweeper.Sessions) })
	running.Go(func() { loop.Every(ctx, 10*time.Second, "drop old rows", sweeper.Rows) })
	running.Go(func() { loop.Every(ctx, 5*time.Second, "register queues", tasks.Register) })
	defer running.Wait()
	slog.InfoContext(ctx, "working")
	return jobs.NewServers(behind.Redis).Run(ctx, jobs.Handler(tasks.Heard, bulk, drainer, webhooks))
}

// serveMetrics answers Prometheus and the orchestrator's probes.
func serveMetrics(ctx context.Context, address string, metrics http.Handler, checks health.Checks) (stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: choose another address with METRICS_LISTEN: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", metrics)
	mux.HandleFunc("GET /healthz", health.Live)
	mux.HandleFunc("GET /readyz", checks.Ready)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("metrics stopped", "error", err)
		}
	}()
	return func() { _ = server.Close() }, nil
}
