package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"couponbook/internal/config"
	"couponbook/internal/devservices"
)

// devOptions are the flags of `couponctl dev`.
type devOptions struct{ apis, workers int }

func devCommand() *cobra.Command {
	var o devOptions
	cmd := &cobra.Command{
		Use: "dev", Short: "Run the whole service here, with its own Postgres and Redis", Args: cobra.NoArgs,
		Long: "Starts what is missing, migrates, seeds demo data, holds a flash sale once (DEMO=0 leaves that out) and stays\n" +
			"up until Ctrl-C. Data stays in " + dataDir + ".",
		RunE: func(cmd *cobra.Command, _ []string) error { return dev(cmd.Context(), cmd.OutOrStdout(), o) },
	}
	cmd.Flags().IntVar(&o.apis, "apis", 1, "API processes")
	cmd.Flags().IntVar(&o.workers, "workers", 1, "worker processes")
	return cmd
}

func dev(ctx context.Context, out io.Writer, o devOptions) (err error) {
	if o.apis < 1 || o.workers < 1 {
		return errors.New("--apis and --workers must be at least 1")
	}
	cfg, err := config.ReadTool()
	if err != nil {
		return err
	}
	if err = os.MkdirAll(filepath.Join(dataDir, "logs"), 0o700); err != nil {
		return err
	}
	lock, err := devservices.TryLock(filepath.Join(dataDir, "dev.lock"))
	if errors.Is(err, devservices.ErrBusy) {
		r, _ := findRunning() // it may just be starting
		return fmt.Errorf("a service runs from this directory already: %s", r.URL)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	start := time.Now()
	backing, err := startServices(ctx, dataDir, out, servicesFor{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backing.stop()) }()
	applied, err := migrate(ctx, backing.databaseURL)
	if err != nil {
		return err
	}
	say(out, "%d migrations applied", applied)
	book, err := seed(ctx, backing.databaseURL)
	if err != nil {
		return err
	}

	settings, err := crewSettings(cfg, backing)
	if err != nil {
		return err
	}
	crew, err := startCrew(ctx, out, settings, o)
	if err != nil {
		return err
	}
	defer func() {
		say(out, "stopping")
		err = errors.Join(err, crew.stop())
	}()
	r := running{URL: crew.url(), DatabaseURL: backing.databaseURL, RedisURL: backing.redisURL}
	if err = r.save(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(runningFile())) }()
	say(out, "up in %.1f s", time.Since(start).Seconds())

	if cfg.Demo {
		say(out, "\nThe flash sale: 1,000 people for 100 codes")
		sale := saleOptions{users: 1000, codes: 100, url: r.URL, email: demoPeople[0].Email, password: demoPassword}
		if err = flashSale(ctx, out, sale, r.DatabaseURL); err != nil {
			return err
		}
	}
	banner(out, crew, backing, book)
	select {
	case <-ctx.Done():
		return nil
	case name := <-backing.exited():
		return fmt.Errorf("%s has ended by itself: see %s", name, dataDir)
	}
}

// authSecret is made once and kept where none is set, so that sessions survive a restart.
func authSecret() (string, error) {
	file := filepath.Join(dataDir, "auth_secret")
	data, err := os.ReadFile(file)
	if err == nil {
		return string(data), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	secret := rand.Text() + rand.Text()
	return secret, os.WriteFile(file, []byte(secret), 0o600)
}

func banner(out io.Writer, c *crew, s *services, book uuid.UUID) {
	if s.inMemoryRedis {
		say(out, "\n  NOTE: there is no Redis here; the queue lives in this process's memory. Outcomes are the same, since\n"+
			"  Postgres is the truth; do not measure anything, and install redis-server or valkey-server for more.")
	}
	say(out, "\ncouponbook is up at %s", strings.Join(c.urls(), " and "))
	say(out, "  web app     %s/", c.url())
	say(out, "  API         %s/docs", c.url())
	say(out, "  task queues %s/monitoring/ (sign in as the admin in the web app first)", c.url())
	say(out, "  logs        %s", filepath.Join(dataDir, "logs"))
	say(out, "\nSign in with the password %s as", demoPassword)
	for _, person := range demoPeople {
		say(out, "  %-22s %s", person.Email, person.Role)
	}
	say(out, "\nTry next, in another terminal:")
	say(out, "  go run ./cmd/couponctl flash-sale --users 5000 --codes 500")
	say(out, "  go run ./cmd/couponctl verify")
	say(out, "  TOKEN=$(curl -s %s/api/v1/auth/login -H 'Content-Type: application/json' \\\n"+
		"    -d '{\"email\":\"ann@example.com\",\"password\":\"%s\"}' | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')", c.url(), demoPassword)
	say(out, "  curl -s -X POST %s/api/v1/books/%s/claims \\\n    -H \"Authorization: Bearer $TOKEN\" -H 'Prefer: wait=5'", c.url(), book)
	say(out, "\nCtrl-C stops everything; data stays in %s until `make clean`.", dataDir)
}

func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
