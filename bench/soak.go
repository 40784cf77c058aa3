package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"couponbook/client"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// A soak goes window by window. In each, claims come at half of what the machine
// can do, tills work, and bulk work is done beside them.
const (
	window     = 30 * time.Second
	windowUses = 1_000  // coupons locked and redeemed
	windowGift = 5_000  // people whom a distribution serves
	windowRows = 20_000 // of a file of codes
)

// soak shows that nothing grows that should not, however long it goes on.
func (s *stage) soak(ctx context.Context, length time.Duration) error {
	hooks, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err = s.register(ctx, hooks); err != nil {
		return err
	}
	pool, err := s.crowd(ctx, windowGift)
	if err != nil {
		return err
	}
	full, err := s.rush(ctx, s.designs[0], claims)
	if err != nil {
		return err
	}
	rate := full / 2
	n := int(rate * window.Seconds())
	say("     %.0f claims a second, half of %.0f, for %s", rate, full, length)
	if length < 3*window {
		return fmt.Errorf("a soak takes at least %s: its last third is compared with the one before", 3*window)
	}
	seen := vitals{}
	for end := time.Now().Add(length); time.Now().Before(end); {
		if err = s.soakWindow(ctx, pool, n, rate); err != nil {
			return err
		}
		if err = s.examine(ctx, seen); err != nil {
			return err
		}
		say("     %d webhooks received; %s", hooks.count.Load(), seen)
	}
	s.report.add(seen.findings()...)
	return nil
}

// soakWindow does the work of one window, all kinds beside each other.
func (s *stage) soakWindow(ctx context.Context, pool uuid.UUID, n int, rate float64) error {
	book, _, err := s.generated(ctx, n)
	if err != nil {
		return err
	}
	gifts, _, err := s.generated(ctx, windowGift)
	if err != nil {
		return err
	}
	for _, b := range []uuid.UUID{book, gifts} {
		if _, err = s.service.MoveBook(ctx, s.owner, b, coupon.Active); err != nil {
			return err
		}
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return s.claimsAt(ctx, book, n, rate) })
	all.Go(func() error {
		coupons, err := s.held(ctx, windowUses)
		if err == nil {
			_, err = atTills(ctx, coupons, func() (user, error) { return dial(s.designs[0].host) })
		}
		return err
	})
	all.Go(func() error {
		job, err := s.queued.SubmitDistribution(ctx, s.owner, service.DistributionRequest{
			PoolID: pool, BookID: gifts, Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
		})
		if err == nil {
			_, err = s.wait(ctx, job.Job.ID, windowGift, time.Now())
		}
		return err
	})
	all.Go(func() error {
		_, _, err := s.imported(ctx, windowRows)
		return err
	})
	return all.Wait()
}

// claimsAt sends n claims to a book at a rate, and waits until all have a coupon.
func (s *stage) claimsAt(ctx context.Context, book uuid.UUID, n int, rate float64) error {
	got, err := pace(s.designs[0].host, s.requests(s.designs[0], book, n, "respond-async"), connections, rate)
	if err != nil {
		return err
	}
	if got.statuses[http.StatusAccepted] != n {
		return fmt.Errorf("not all claims were accepted: %v", got.statuses)
	}
	return s.untilLeft(ctx, s.designs[0], book, 0)
}

// receiver counts the webhooks that come.
type receiver struct {
	url   string
	count atomic.Int64
}

func (s *stage) listen(ctx context.Context) (*receiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + listener.Addr().String()}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.count.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return r, nil
}

// register has an endpoint told about what happens at tills, and about bulk work.
func (s *stage) register(ctx context.Context, hooks *receiver) error {
	owner := client.New("http://"+s.designs[0].host, 1).As(s.ownerToken)
	return owner.Do(ctx, http.MethodPost, "/api/v1/webhooks", map[string]any{
		"url": hooks.url, "events": []string{"coupon.locked", "coupon.redeemed", "distribution.*", "book.*"},
	}, nil)
}
