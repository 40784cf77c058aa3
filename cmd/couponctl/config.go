package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"couponbook/internal/config"
)

func configCommand() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "Look at the settings"}
	parent.AddCommand(&cobra.Command{
		Use: "check", Short: "Say what is wrong with the settings in the environment, and what is risky", Args: cobra.NoArgs,
		Long: "Reads the environment as the API and the worker do, connects to nothing and prints no secret.\n" +
			"The exit status is 1 when one of them would not start.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := config.ReadAPI()
			_, workerErr := config.ReadWorker()
			for _, line := range sentences(err, workerErr) {
				cmd.Println("wrong:", line)
			}
			for _, line := range risks(api) {
				cmd.Println("risky:", line)
			}
			if err != nil || workerErr != nil {
				return errors.New("the service would not start with these settings")
			}
			cmd.Println("API and worker would start.")
			return nil
		},
	})
	return parent
}

// sentences are the lines of errors, each once.
func sentences(all ...error) (lines []string) {
	seen := map[string]bool{}
	for _, err := range all {
		if err == nil {
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !seen[line] {
				seen[line] = true
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// risks are settings that work, and that others than a single machine should not have.
func risks(c config.Config) (lines []string) {
	risk := func(is bool, format string, args ...any) {
		if is {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	database, databaseErr := url.Parse(c.DatabaseURL)
	if databaseErr == nil && elsewhere(database) {
		mode := database.Query().Get("sslmode")
		risk(mode != "verify-full", "DATABASE_URL leads to another machine with sslmode=%s: use sslmode=verify-full", orDefault(mode))
	}
	store, storeErr := url.Parse(c.RedisURL)
	if storeErr == nil && elsewhere(store) {
		risk(!strings.HasPrefix(store.Scheme, "rediss"), "REDIS_URL leads to another machine without TLS: use rediss://")
		_, protected := store.User.Password()
		risk(!protected, "REDIS_URL has no password: whoever reaches Redis can read and stop the queues")
	}
	risk(!c.CookieSecure, "COOKIE_SECURE is false: sessions go over plain HTTP; keep that to one machine")
	risk(c.AuthSecretPrevious != "", "AUTH_SECRET_PREVIOUS is set: unset it an hour after AUTH_SECRET was changed, when locks and links of the old secret are over")
	host, _, err := net.SplitHostPort(c.Metrics)
	risk(err == nil && !loopback(host), "METRICS_LISTEN is %s: metrics and profiles have no password; keep the port private", c.Metrics)
	risk(c.WebhookAllowHTTP, "WEBHOOK_ALLOW_HTTP is true: messages go unencrypted; they are signed, and not secret")
	risk(len(c.WebhookAllowRanges) > 0, "WEBHOOK_ALLOW_RANGES lets webhooks reach machines inside: %v", c.WebhookAllowRanges)
	return lines
}

func elsewhere(u *url.URL) bool { return u.Hostname() != "" && !loopback(u.Hostname()) }

func loopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

func orDefault(mode string) string {
	if mode == "" {
		return "prefer"
	}
	return mode
}
