package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"couponbook/client"
)

// listenOptions say where to listen and for what.
type listenOptions struct {
	address, secret      string
	url, email, password string
	events               []string
	codes                bool
}

func listenCommand() *cobra.Command {
	var o listenOptions
	cmd := &cobra.Command{
		Use: "listen", Short: "Receive webhooks here, verify and print them", Args: cobra.NoArgs,
		Long: "Registers an endpoint on loopback at a service that allows that, as `make run` does, prints every message that comes and whether its\n" +
			"signature is right, and deletes the endpoint at the end (Ctrl-C). With --secret it registers nothing and only listens:\n" +
			"for an endpoint that leads here in another way.",
		RunE: func(cmd *cobra.Command, _ []string) error { return listen(cmd.Context(), cmd.OutOrStdout(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.address, "address", "127.0.0.1:0", "where to listen")
	f.StringVar(&o.secret, "secret", "", "the endpoint's secret (whsec_…): only listen")
	f.StringVar(&o.url, "url", "", "where the service is (default: the one that `make run` started here)")
	f.StringVar(&o.email, "email", "admin@example.com", "whose endpoint it is: a manager hears of his books, an admin of all")
	f.StringVar(&o.password, "password", demoPassword, "his password")
	f.StringSliceVar(&o.events, "events", []string{"*"}, "event types, coupon.* for all of a resource, or *")
	f.BoolVar(&o.codes, "include-codes", false, "get full codes")
	return cmd
}

func listen(ctx context.Context, out io.Writer, o listenOptions) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.address)
	if err != nil {
		return fmt.Errorf("listen on %s: choose another address with --address: %w", o.address, err)
	}
	secret := o.secret
	if secret == "" {
		var end func() error
		if end, secret, err = o.register(ctx, "http://"+listener.Addr().String()); err != nil {
			return errors.Join(err, listener.Close())
		}
		defer func() { err = errors.Join(err, end()) }()
	}
	key, err := standardwebhooks.NewWebhook(secret)
	if err != nil || len(secret) < len("whsec_")+32 {
		return errors.Join(fmt.Errorf("--secret is no secret of an endpoint: it begins with whsec_ and is shown when the endpoint is made"), err, listener.Close())
	}
	say(out, "listening on http://%s for %s; Ctrl-C ends it", listener.Addr(), strings.Join(o.events, ", "))
	server := &http.Server{Handler: printer(out, key), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err = <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// register makes the endpoint, and returns how to delete it and its secret.
func (o listenOptions) register(ctx context.Context, receiver string) (end func() error, secret string, err error) {
	if o.url == "" {
		r, err := findRunning()
		if err != nil {
			return nil, "", fmt.Errorf("give --url, or: %w", err)
		}
		o.url = r.URL
	}
	api, err := o.signIn(ctx)
	if err != nil {
		return nil, "", err
	}
	var made struct {
		ID     uuid.UUID `json:"id"`
		Secret string    `json:"secret"`
	}
	body := map[string]any{"url": receiver, "events": o.events, "include_codes": o.codes, "description": "couponctl listen"}
	if err = api.Do(ctx, http.MethodPost, "/api/v1/webhooks", body, &made); err != nil {
		return nil, "", fmt.Errorf("register an endpoint: %w", err)
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		api, err := o.signIn(ctx) // anew: the token of the beginning lives for minutes
		if err == nil {
			err = api.Do(ctx, http.MethodDelete, "/api/v1/webhooks/"+made.ID.String(), nil, nil)
		}
		if err != nil {
			return fmt.Errorf("the endpoint %s stays, delete it in the web app: %w", made.ID, err)
		}
		return nil
	}, made.Secret, nil
}

func (o listenOptions) signIn(ctx context.Context) (*client.Client, error) {
	guest := client.New(strings.TrimSuffix(o.url, "/"), 1)
	token, err := guest.SignIn(ctx, o.email, o.password)
	if err != nil {
		return nil, fmt.Errorf("sign in at %s as %s: %w", o.url, o.email, err)
	}
	return guest.As(token), nil
}

// printer answers 204 to messages that verify, and 401 to others.
func printer(out io.Writer, key *standardwebhooks.Webhook) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		if err == nil {
			err = key.Verify(body, r.Header)
		}
		verdict := "verified"
		if err != nil {
			verdict = "REFUSED: " + err.Error()
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			w.WriteHeader(http.StatusNoContent)
		}
		shown := fmt.Sprintf("%q", body) // who knows who sent it, and what it does to a terminal
		var pretty bytes.Buffer
		if err == nil && json.Indent(&pretty, body, "  ", "  ") == nil {
			shown = pretty.String()
		}
		say(out, "%s %q %s\n  %s", time.Now().Format(time.TimeOnly), r.Header.Get(standardwebhooks.HeaderWebhookID), verdict, shown)
	})
}
