// Package showcase walks through what the product does, over HTTP, and shows
// the real answers: for people who want to see it, and as a check of a running
// service.
package showcase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"couponbook/client"
)

// prefix is where the API's routes begin.
const prefix = "/api/v1"

// stepTimeout bounds one scene.
const stepTimeout = 20 * time.Second

// stage is what the scenes share: who is there, and what they have made so far.
type stage struct {
	guest, manager, ann, ben *client.Client
	annID                    uuid.UUID
	book                     book
	coupon, second           uuid.UUID
	lockToken                string
	redemption               uuid.UUID
}

// scene is one thing to show. play returns the answer worth showing, or why it
// was not as it must be.
type scene struct {
	title string
	play  func(ctx context.Context, s *stage) (answer string, err error)
}

// Play shows every scene to w and returns how many failed. guest is a client
// without a credential, manager one of a manager.
func Play(ctx context.Context, w io.Writer, guest, manager *client.Client) (failed int, err error) {
	s := &stage{guest: guest, manager: manager}
	began := time.Now()
	for i, scene := range scenes {
		answer, err := s.play(ctx, scene)
		verdict := "pass"
		if err != nil {
			verdict, answer = "FAIL", err.Error()
			failed++
		}
		if _, err = fmt.Fprintf(w, "%2d  %s  %-58s %s\n", i+1, verdict, scene.title, answer); err != nil {
			return failed, err
		}
		if ctx.Err() != nil {
			return failed, ctx.Err()
		}
	}
	_, err = fmt.Fprintf(w, "%d of %d as they must be, in %.1f s\n", len(scenes)-failed, len(scenes), time.Since(began).Seconds())
	return failed, err
}

func (s *stage) play(ctx context.Context, scene scene) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return scene.play(ctx, s)
}

// refused is a scene's end when it must be refused with this code.
func refused(err error, code string) (string, error) {
	var problem *client.ProblemError
	switch {
	case err == nil:
		return "", fmt.Errorf("it was done, and should have been refused with %s", code)
	case !errors.As(err, &problem) || problem.Code != code:
		return "", fmt.Errorf("expected the refusal %s: %w", code, err)
	}
	return problem.Error(), nil
}

// require fails unless got is as it must be.
func require[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v and should be %v", what, got, want)
	}
	return nil
}

func post(ctx context.Context, c *client.Client, path string, in, out any, headers ...client.Header) error {
	return c.Do(ctx, http.MethodPost, prefix+path, in, out, headers...)
}

func get(ctx context.Context, c *client.Client, path string, out any) error {
	return c.Do(ctx, http.MethodGet, prefix+path, nil, out)
}

// finished submits a job and follows it to its end.
func finished(ctx context.Context, c *client.Client, path string, in any, headers ...client.Header) (client.Job, error) {
	var job client.Job
	err := post(ctx, c, path, in, &job, append(headers, client.Header{Name: "Prefer", Value: "wait=10"})...)
	if err != nil || job.Done {
		return job, err
	}
	return c.Finish(ctx, job.ID)
}

// body is a request's.
type body = map[string]any

// book and coupon are what the scenes read of them.
type book struct {
	ID     uuid.UUID `json:"id"`
	Name   string    `json:"name"`
	Status string    `json:"status"`
}

func (b book) path(more string) string { return "/books/" + b.ID.String() + more }

type coupon struct {
	ID          uuid.UUID       `json:"id"`
	Code        string          `json:"code"`
	State       string          `json:"state"`
	Remaining   int             `json:"remaining"`
	Benefit     json.RawMessage `json:"benefit"`
	LockedUntil *time.Time      `json:"locked_until"`
	ExpiresAt   *time.Time      `json:"expires_at"`
}

func couponPath(id uuid.UUID, more string) string { return "/coupons/" + id.String() + more }
