package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"
)

// plainRoutes are the routes that are not operations of the API: for everyone,
// but for the queue monitor, which has its own policy.
var plainRoutes = []string{
	"GET /healthz", "GET /readyz",
	"GET /openapi.json", "GET /openapi.yaml", "GET /openapi-3.0.json", "GET /openapi-3.0.yaml",
}

// allKnown fails when something is served that no table says who may call.
func (a *API) allKnown(served gin.RoutesInfo) error {
	known := slices.Clone(plainRoutes)
	for _, r := range a.table {
		path := strings.NewReplacer("{", ":", "}", "").Replace(Prefix + r.path)
		known = append(known, r.method+" "+path)
	}
	for _, route := range served {
		if !slices.Contains(known, route.Method+" "+route.Path) && !strings.HasPrefix(route.Path, monitoringPath+"/") {
			return fmt.Errorf("%s %s is served, and no table says who may call it: add it to routes", route.Method, route.Path)
		}
	}
	return nil
}

// allowOrigins lets pages of some other sites call the API: with access tokens,
// never with cookies.
func (a *API) allowOrigins(engine *gin.Engine) error {
	if len(a.CORSOrigins) == 0 {
		return nil
	}
	for _, origin := range a.CORSOrigins {
		if err := a.crossOrigin.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("CORS_ORIGINS: %w", err)
		}
	}
	engine.Use(cors.New(cors.Config{
		AllowOrigins: a.CORSOrigins,
		AllowMethods: []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer"},
		ExposeHeaders: []string{
			"ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID",
		},
		MaxAge: time.Hour,
	}))
	return nil
}

// bounded refuses a body that says itself that it is too large, before any of it
// is read.
func bounded(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	if most := ctx.Operation().MaxBodyBytes; most > 0 && c.Request.ContentLength > most {
		writeProblem(c, errTooLarge)
		return
	}
	next(ctx)
}

// strictFormats read JSON that says each thing once: of a field that comes twice,
// others may believe the one that we do not. NUL is no text: Postgres can neither
// keep nor compare it.
func strictFormats() map[string]huma.Format {
	strict := huma.DefaultJSONFormat
	strict.Unmarshal = func(data []byte, v any) error {
		if _, first := v.(*any); first { // huma reads a body twice: to look at it, and to use it
			if _, err := jsontext.NewDecoder(bytes.NewReader(data)).ReadValue(); err != nil {
				return err
			}
			if err := withoutNUL(data); err != nil {
				return err
			}
		}
		return huma.DefaultJSONFormat.Unmarshal(data, v)
	}
	return map[string]huma.Format{"application/json": strict, "json": strict}
}

func withoutNUL(data []byte) error {
	if !bytes.Contains(data, []byte(`\u0000`)) {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if token.Kind() == '"' && strings.ContainsRune(token.String(), 0) {
			return fmt.Errorf("the text at %q has the character NUL: leave that out", decoder.StackPointer())
		}
	}
}
