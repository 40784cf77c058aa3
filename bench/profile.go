package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// profile sends claims for a while and keeps CPU profiles of the API and the
// worker, for `go tool pprof`.
func (s *stage) profile(ctx context.Context) error {
	const seconds = 10
	both, ctx := errgroup.WithContext(ctx)
	for _, name := range []string{product, "worker"} {
		both.Go(func() error { return s.keepProfile(ctx, name, seconds) })
	}
	for end := time.Now().Add(seconds * time.Second); time.Now().Before(end); {
		if _, err := s.rush(ctx, s.designs[0], claims); err != nil {
			return err
		}
	}
	return both.Wait()
}

func (s *stage) keepProfile(ctx context.Context, name string, seconds int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.private[name], seconds), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err = os.MkdirAll(results, 0o750); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(results, name+".pprof"))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = io.Copy(file, response.Body)
	say("     %s", file.Name())
	return err
}
