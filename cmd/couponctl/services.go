package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"couponbook/internal/config"
	"couponbook/internal/devservices"
)

func servicesCommand() *cobra.Command {
	durable := false
	cmd := &cobra.Command{
		Use: "services -- command [args]", Short: "Run a command with a private Postgres and Redis for tests", Args: cobra.MinimumNArgs(1),
		Long: "Sets DATABASE_URL and REDIS_URL for the command, unless they are set already, and stops the servers after it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(dataDir, 0o700); err != nil {
				return err
			}
			lock, err := devservices.TryLock(filepath.Join(dataDir, "test.lock"))
			if err != nil {
				return err
			}
			defer func() { _ = lock.Release() }() // the kernel does it otherwise
			dir := filepath.Join(dataDir, "test")
			if err = os.RemoveAll(dir); err != nil { // tests start from nothing
				return err
			}
			s, err := startServices(cmd.Context(), dir, cmd.ErrOrStderr(), servicesFor{tests: true, durable: durable})
			if err != nil {
				return err
			}
			child := exec.CommandContext(cmd.Context(), args[0], args[1:]...)
			child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
			child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
			child.Env = append(os.Environ(), s.env()...)
			return errors.Join(child.Run(), s.stop())
		},
	}
	cmd.Flags().BoolVar(&durable, "durable", false, "keep every promise of Postgres (fsync), as for measuring")
	return cmd
}

// services are the Postgres and the Redis to use: given, or started here.
type services struct {
	databaseURL, redisURL string
	inMemoryRedis         bool
	postgres              *devservices.Postgres
	redis                 *devservices.Redis
}

// servicesFor says what they are for: tests want a real Redis, and speed
// rather than durability unless they measure.
type servicesFor struct{ tests, durable bool }

// startServices takes DATABASE_URL and REDIS_URL where they are set, and
// starts private servers in dir for the rest.
func startServices(ctx context.Context, dir string, log io.Writer, purpose servicesFor) (*services, error) {
	cfg, err := config.ReadTool()
	if err != nil {
		return nil, err
	}
	s := &services{databaseURL: cfg.DatabaseURL, redisURL: cfg.RedisURL}
	if s.databaseURL != "" {
		say(log, "postgres: the one that DATABASE_URL names")
	} else {
		s.postgres, err = devservices.StartPostgres(ctx, devservices.PostgresOptions{
			Dir: filepath.Join(dir, "pg"), Source: cfg.DevPostgres, Fast: purpose.tests && !purpose.durable, Log: log,
		})
		if err != nil {
			return nil, err
		}
		s.databaseURL = s.postgres.URL
	}
	if s.redisURL != "" {
		say(log, "redis: the one that REDIS_URL names")
		return s, nil
	}
	s.redis, err = devservices.StartRedis(ctx, devservices.RedisOptions{
		Dir: filepath.Join(dir, "redis"), AllowInMemory: !purpose.tests, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.redisURL, s.inMemoryRedis = s.redis.URL, s.redis.InMemory
	return s, nil
}

func (s *services) env() []string {
	return []string{"DATABASE_URL=" + s.databaseURL, "REDIS_URL=" + s.redisURL}
}

// exited closes when a server that we started has ended by itself.
func (s *services) exited() <-chan string {
	ended := make(chan string, 2)
	if s.postgres != nil {
		go func() { <-s.postgres.Exited(); ended <- "Postgres" }()
	}
	if s.redis != nil {
		go func() { <-s.redis.Exited(); ended <- "Redis" }()
	}
	return ended
}

func (s *services) stop() error {
	var err error
	if s.redis != nil {
		err = s.redis.Stop()
	}
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.Stop())
	}
	if err != nil {
		return fmt.Errorf("stop services: %w", err)
	}
	return nil
}
