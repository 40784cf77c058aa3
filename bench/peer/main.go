// Command peer serves the same API with the claims done in the usual ways, to
// measure the product against: the same Gin stack, authentication, validation
// and tables; only the handling of a claim differs. Never for production.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/config"
	"couponbook/internal/coupon"
	"couponbook/internal/health"
	"couponbook/internal/httpapi"
	"couponbook/internal/limit"
	"couponbook/internal/postgres"
	"couponbook/internal/redisdb"
	"couponbook/internal/service"
	"couponbook/internal/telemetry"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		slog.Error("peer stopped", "error", err)
		os.Exit(1)
	}
}

// silent is the queue of those who have none.
type silent struct{}

func (silent) RingBook(context.Context, uuid.UUID) error                { return nil }
func (silent) RingJob(context.Context, coupon.JobKind, uuid.UUID) error { return nil }
func (silent) RingEndpoint(context.Context, uuid.UUID) error            { return nil }
func (silent) PublishDone(context.Context, []uuid.UUID) error           { return nil }

func run(ctx context.Context, design string) error {
	cfg, err := config.ReadAPI()
	if err != nil {
		return err
	}
	if err = telemetry.SetUpLog(os.Stderr, "peer", cfg.LogLevel); err != nil {
		return err
	}
	debug.SetGCPercent(cfg.GCPercent)
	pool, err := postgres.Open(ctx, cfg.DatabaseURL, cfg.APIConnections)
	if err != nil {
		return err
	}
	keys, err := cfg.Keyring()
	if err != nil {
		return err
	}
	tokens := auth.NewTokens(keys, cfg.AccessTTL)
	if design == "empty" {
		return serve(cfg.Listen, emptyRoute(tokens))
	}
	client, err := redisdb.Open(cfg.RedisURL, redisdb.ForQueues)
	if err != nil {
		return err
	}
	passwords, err := auth.NewPasswords()
	if err != nil {
		return err
	}
	var claimant service.Submitter = claims{pool, designs[design]}
	if design == "river" {
		if claimant, err = newRiverClaims(ctx, pool, 4*cfg.APIConnections); err != nil {
			return err
		}
	}
	store := postgres.NewStore(pool)
	ok := func(context.Context) error { return nil }
	metrics := telemetry.NewMetrics(pool)
	handler, err := httpapi.New(httpapi.Options{
		Accounts: service.NewAccounts(store, passwords, tokens, service.NewEndedSessions(store, tokens.Lives()), service.SessionTimes{}), Service: service.New(store, silent{}),
		Claims: claimant, Followers: service.NewFollowers(store),
		Till:   service.NewTill(store, auth.NewLockTokens(keys)),
		Health: health.Checks{Postgres: store.Ping, Migrations: ok, Redis: ok},
		Tokens: tokens, Cursors: httpapi.NewCursors(keys), Web: fstest.MapFS{}, Observe: metrics.Request,
		Limits: limit.New(client), Rates: cfg.Rates,
	})
	if err != nil {
		return err
	}
	return serve(cfg.Listen, handler)
}

func serve(listen string, handler http.Handler) error {
	server := &http.Server{Addr: listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}
