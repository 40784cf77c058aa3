package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

const profiled = 10 // seconds

// profile keeps CPU profiles of the API and the worker, for `go tool pprof`:
// while claims are granted, and while they are refused.
func (s *stage) profile(ctx context.Context) error {
	soldOut, err := s.soldOut(ctx)
	if err != nil {
		return err
	}
	for of, work := range map[string]func() error{
		"claims": func() error {
			_, err := s.rush(ctx, s.designs[0], claims)
			return err
		},
		"refusals": func() error {
			_, err := s.refuse(soldOut, s.designs[0].host, uuid.NewString, http.StatusConflict)
			return err
		},
	} {
		all, ctx := errgroup.WithContext(ctx)
		for _, name := range []string{product, "worker"} {
			all.Go(func() error { return s.keepProfile(ctx, name, name+"-"+of) })
		}
		all.Go(func() error {
			for end := time.Now().Add(profiled * time.Second); time.Now().Before(end); {
				if err := work(); err != nil {
					return err
				}
			}
			return nil
		})
		if err := all.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) keepProfile(ctx context.Context, name, file string) error {
	profile, err := s.fromPrivate(ctx, name, fmt.Sprintf("/debug/pprof/profile?seconds=%d", profiled))
	if err != nil {
		return err
	}
	out := filepath.Join(results, file+".pprof")
	say("     %s", out)
	return errors.Join(os.MkdirAll(results, 0o750), os.WriteFile(out, []byte(profile), 0o600))
}
