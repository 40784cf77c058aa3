package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"couponbook/internal/service"
)

type onceKey struct{}

// onceRequest is a request that came with an idempotency key.
type onceRequest struct {
	service.Once
	setHeader func(name, value string)
}

// keyed serves what changes something at once. With an Idempotency-Key, what it
// does and what it answers are stored together, and the same request gets the
// same answer, for a week.
func keyed[I, O any](a *API, handler func(*API, context.Context, *I) (*O, error)) func(huma.API, huma.Operation) {
	return func(api huma.API, operation huma.Operation) {
		operation.Middlewares = append(operation.Middlewares, readKey)
		operation.Parameters = append(operation.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "1 to 255 visible characters; the same key brings the same answer, for a week",
		})
		huma.Register(api, operation, func(ctx context.Context, in *I) (*O, error) {
			once, found := ctx.Value(onceKey{}).(onceRequest)
			if !found {
				return handler(a, ctx, in)
			}
			out := new(O)
			replayed, err := a.Keyed.Do(ctx, principalOf(ctx), once.Once, out, func(cases service.UseCases) error {
				inside := *a
				inside.Service, inside.Webhooks, inside.Accounts = cases.Service, cases.Webhooks, cases.Accounts
				done, err := handler(&inside, ctx, in)
				if done != nil {
					*out = *done
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			if replayed {
				once.setHeader("Idempotency-Replayed", "true")
			}
			return out, nil
		})
	}
}

// plain is JSON without what means nothing: spaces, and the order of fields.
func plain(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) == nil {
		if data, err := json.Marshal(value); err == nil {
			return string(data)
		}
	}
	return string(body)
}

// readKey reads the key and marks the request that it comes with: all of it.
func readKey(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	key, err := keyOf(c.GetHeader("Idempotency-Key"))
	if err != nil {
		writeProblem(c, err)
		return
	}
	if key == "" {
		next(ctx)
		return
	}
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, maxBody+1)) // one that is longer is refused later
	if err != nil {
		writeProblem(c, errCutBody)
		return
	}
	c.Request.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), c.Request.Body))
	mark := sha256.New()
	for _, part := range []string{c.Request.Method, c.Request.URL.Path, c.Request.URL.RawQuery, c.GetHeader("If-Match"), plain(body)} {
		_, _ = mark.Write([]byte(part + "\n"))
	}
	next(huma.WithValue(ctx, onceKey{}, onceRequest{service.Once{Key: key, Fingerprint: mark.Sum(nil)}, ctx.SetHeader}))
}
