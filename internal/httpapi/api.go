// Package httpapi is the HTTP door: it reads requests, calls use cases and
// writes answers and problems. routes.go lists every route and who may call it.
package httpapi

import (
	"context"
	"io/fs"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/health"
	"couponbook/internal/limit"
	"couponbook/internal/service"
)

// Prefix is where the API's routes begin.
const Prefix = "/api/v1"

// maxBody is the most bytes of a JSON body.
const maxBody = 1 << 20

// Options are the parts that the door opens to.
type Options struct {
	Accounts  *service.Accounts
	Service   *service.Service
	Webhooks  *service.Webhooks
	Keyed     *service.Keyed
	Claims    service.Submitter
	Followers *service.Followers
	Till      *service.Till
	Health    health.Checks
	Tokens    *auth.Tokens
	Cursors   Cursors
	Links     Links
	Tasks     func(context.Context) (map[string]coupon.TaskCount, error) // that wait in Redis
	Web       fs.FS                                                      // the built web app
	Monitor   http.Handler                                               // asynqmon, mounted at /monitoring; nil: none
	Observe   func(method, route string, status int, took time.Duration)

	Limits *limit.Limits
	Rates  limit.Rates

	UploadWithin   time.Duration // how long a file may take to come in
	CookieSecure   bool
	TrustedProxies []string
	CORSOrigins    []string // of other sites whose pages may call the API, with access tokens
	Showcase       bool     // the app offers what the rules refuse too
}

// API has a handler method for each operation.
type API struct {
	Options
	table       []route
	crossOrigin *http.CrossOriginProtection
}

// setUp installs what gin and huma keep in globals, once.
var setUp = sync.OnceFunc(func() {
	gin.SetMode(gin.ReleaseMode)
	huma.DefaultArrayNullable = false // our lists are empty, never null
	huma.NewErrorWithContext = newProblem
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return newProblem(nil, status, message, errs...)
	}
})

// New makes the handler of everything that the API process serves.
func New(o Options) (http.Handler, error) {
	return build(o, (*API).routes)
}

func build(o Options, table func(*API) []route) (http.Handler, error) {
	setUp()
	a := &API{Options: o, crossOrigin: http.NewCrossOriginProtection()}
	a.table = table(a)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	if err := engine.SetTrustedProxies(o.TrustedProxies); err != nil {
		return nil, err
	}
	engine.Use(a.requestID, a.accessLog, a.traceRequest, a.recovery, a.securityHeaders())
	if err := a.allowOrigins(engine); err != nil {
		return nil, err
	}
	engine.Use(textual, a.authenticate)
	engine.NoRoute(a.web())
	engine.NoMethod(func(c *gin.Context) { writeProblem(c, errMethod) })
	engine.GET("/healthz", gin.WrapF(health.Live))
	engine.GET("/readyz", gin.WrapF(o.Health.Ready))
	if o.Monitor != nil {
		a.mountMonitor(engine)
	}

	api := humagin.New(engine, openAPIConfig())
	group := huma.NewGroup(api, Prefix)
	for _, r := range a.table {
		r.mount(a, group)
	}
	return engine, a.allKnown(engine.Routes())
}

func openAPIConfig() huma.Config {
	config := huma.DefaultConfig("couponbook", "1")
	config.Info.Description = "Books of coupon codes: make them, give them out, exactly once each."
	config.DocsPath = ""     // served from our own files, see web.go
	config.SchemasPath = ""  // the schemas are in the document
	config.CreateHooks = nil // no $schema in every answer
	config.OpenAPIPath = "/openapi"
	config.Formats = strictFormats()
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "Body", "")
	})
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "An access token from POST /auth/login, or an API key."},
		"cookie": {Type: "apiKey", In: "cookie", Name: accessCookie, Description: "A browser session; unsafe methods need the " + csrfHeader + " header too."},
	}
	return config
}
