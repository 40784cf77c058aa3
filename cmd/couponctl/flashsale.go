package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"couponbook/client"
	"couponbook/internal/flashsale"
)

// saleOptions are the flags of `couponctl flash-sale`.
type saleOptions struct {
	users, codes, connections int
	url, email, password      string
	json                      bool
}

func flashSaleCommand() *cobra.Command {
	var o saleOptions
	cmd := &cobra.Command{
		Use: "flash-sale", Short: "Let many users ask at once for few codes, over HTTP, and check every outcome", Args: cobra.NoArgs,
		Long: "Makes a book with codes on a running service, lets all users claim at the same moment (20 of them signed in,\n" +
			"the others through an API key), follows every job to its end, and checks the database where it can reach it.\n" +
			"The exit status is 1 when anything is not exact.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			database, err := databaseURL()
			if err != nil && o.url == "" {
				return err
			}
			if o.url == "" {
				r, err := findRunning()
				if err != nil {
					return fmt.Errorf("give --url, or: %w", err)
				}
				o.url = r.URL
			}
			return flashSale(cmd.Context(), cmd.OutOrStdout(), o, database)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.users, "users", 1000, "people who ask")
	f.IntVar(&o.codes, "codes", 100, "codes there are")
	f.IntVar(&o.connections, "connections", 0, "connections to the service at most (default: one for each user, up to 1000)")
	f.StringVar(&o.url, "url", "", "where the service is (default: the one that `make run` started here)")
	f.StringVar(&o.email, "email", "admin@example.com", "an administrator's e-mail")
	f.StringVar(&o.password, "password", demoPassword, "his password")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

// flashSale holds a sale and checks it; database may be empty.
func flashSale(ctx context.Context, w io.Writer, o saleOptions, database string) error {
	if o.users < 1 || o.codes < 1 {
		return fmt.Errorf("--users and --codes must be at least 1")
	}
	if o.connections == 0 {
		o.connections = min(o.users, 1000)
	}
	guest := client.New(strings.TrimSuffix(o.url, "/"), o.connections)
	token, err := guest.SignIn(ctx, o.email, o.password)
	if err != nil {
		return fmt.Errorf("sign in at %s as %s: %w", o.url, o.email, err)
	}
	result, err := flashsale.Hold(ctx, flashsale.Plan{
		Users: o.users, Codes: o.codes, Guest: guest, Admin: guest.As(token), Progress: progressBar(os.Stderr),
	})
	if err != nil {
		return err
	}
	if o.json {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err = encoder.Encode(result); err != nil {
			return err
		}
		w = io.Discard // one document on the output, and nothing else
	} else {
		result.Print(w)
	}
	if database != "" {
		if err = verify(ctx, w, database); err != nil {
			return err
		}
	}
	if !result.Exact() {
		return errAnomalies
	}
	return nil
}

// progressBar draws on a terminal and is nil elsewhere.
func progressBar(out *os.File) func(done, total int) {
	if !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	var mu sync.Mutex
	var last time.Time
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if done < total && time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		const width = 40
		full := width * done / total
		_, _ = fmt.Fprintf(out, "\r  [%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat(".", width-full), done, total)
		if done == total {
			_, _ = fmt.Fprint(out, "\r\033[K")
		}
	}
}
