package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"couponbook/client"
	"couponbook/internal/showcase"
)

func showcaseCommand() *cobra.Command {
	var url, email, password string
	cmd := &cobra.Command{
		Use: "showcase", Short: "Walk through every feature over HTTP, with the real answers", Args: cobra.NoArgs,
		Long: "Makes a book and two customers on a running service and shows what happens to their coupons, one line each:\n" +
			"what must work, and what must be refused. The exit status is 1 when anything is not as it must be.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" {
				r, err := findRunning()
				if err != nil {
					return fmt.Errorf("give --url, or: %w", err)
				}
				url = r.URL
			}
			guest := client.New(strings.TrimSuffix(url, "/"), 4)
			token, err := guest.SignIn(cmd.Context(), email, password)
			if err != nil {
				return fmt.Errorf("sign in at %s as %s: %w", url, email, err)
			}
			failed, err := showcase.Play(cmd.Context(), cmd.OutOrStdout(), guest, guest.As(token))
			if err == nil && failed > 0 {
				err = errAnomalies
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "where the service is (default: the one that `make run` started here)")
	f.StringVar(&email, "email", "manager@example.com", "a manager's e-mail")
	f.StringVar(&password, "password", demoPassword, "his password")
	return cmd
}
