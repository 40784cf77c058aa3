package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand is for containers, whose image has neither shell nor curl.
func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health URL", Short: "Ask a process whether it is ready, like http://127.0.0.1:8080/readyz", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, args[0], nil)
			if err != nil {
				return err
			}
			response, err := (&http.Client{Timeout: 2 * time.Second}).Do(request)
			if err != nil {
				return err
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("not ready: status %d", response.StatusCode)
			}
			return nil
		},
	}
}
