package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"couponbook/internal/service"
	"couponbook/internal/tracing"
)

type requestKey struct{}

// request is what is known of a request on its way.
type request struct {
	id      string
	network string // whom its address is counted as
	problem string // the code of what it was refused for
	job     string // that it made or found
	caller  caller
}

func requestOf(ctx context.Context) *request {
	if r, known := ctx.Value(requestKey{}).(*request); known {
		return r
	}
	return &request{}
}

// saneID is a request id that a proxy may give us: nothing that could forge a log line.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID gives every request an id, or takes its proxy's.
func (a *API) requestID(c *gin.Context) {
	id := c.GetHeader("X-Request-ID")
	if !saneID.MatchString(id) {
		id = uuid.NewString()
	}
	c.Header("X-Request-ID", id)
	address, _ := netip.ParseAddr(c.ClientIP()) // a socket that is not of TCP has none
	address = address.Unmap().WithZone("")
	ctx := context.WithValue(c.Request.Context(), requestKey{}, &request{id: id, network: networkOf(address)})
	c.Request = c.Request.WithContext(service.WithOrigin(ctx, service.Origin{
		Address: address, RequestID: id, UserAgent: strings.ToValidUTF8(c.Request.UserAgent(), "?"),
	}))
}

// traceRequest makes the request a span, under its caller's if it brought one. Like
// the log it has the route's pattern and never the path.
func (a *API) traceRequest(c *gin.Context) {
	if !tracing.On() {
		return
	}
	ctx, span := tracing.Start(tracing.Under(c.Request.Context(), c.GetHeader("traceparent")), c.Request.Method+" "+c.FullPath(),
		"http.request.method", c.Request.Method, "http.route", c.FullPath(), "request.id", requestOf(c.Request.Context()).id)
	c.Request = c.Request.WithContext(ctx)
	c.Next()
	var err error
	if status := c.Writer.Status(); status >= http.StatusInternalServerError {
		err = errors.New(http.StatusText(status))
	}
	span.Note("http.response.status_code", strconv.Itoa(c.Writer.Status()), "job.id", requestOf(ctx).job)
	span.Close(err)
}

// accessLog writes one line a request. It has the route's pattern and never
// the path: paths carry codes.
func (a *API) accessLog(c *gin.Context) {
	start := time.Now()
	c.Next()
	took, route, status := time.Since(start), c.FullPath(), c.Writer.Status()
	if a.Observe != nil {
		a.Observe(c.Request.Method, route, status, took)
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	ctx := c.Request.Context()
	if !slog.Default().Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", c.Request.Method), slog.String("route", route), slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int("bytes", c.Writer.Size()),
		slog.String("client", c.ClientIP()), slog.String("request_id", requestOf(ctx).id),
	}
	if code := requestOf(ctx).problem; code != "" {
		attributes = append(attributes, slog.String("problem", code))
	}
	if job := requestOf(ctx).job; job != "" {
		attributes = append(attributes, slog.String("job_id", job))
	}
	if trace := tracing.ID(ctx); trace != "" {
		attributes = append(attributes, slog.String("trace_id", trace))
	}
	if p := callerOf(ctx).principal; p != nil {
		attributes = append(attributes, slog.String("user_id", p.UserID.String()), slog.Bool("api_key", p.IsKey()))
	}
	slog.LogAttrs(ctx, level, "request", attributes...)
}

// recovery turns a panic into a 500 and a log line.
func (a *API) recovery(c *gin.Context) {
	defer func() {
		if cause := recover(); cause != nil {
			if cause == http.ErrAbortHandler { //nolint:errorlint // the very value, see net/http
				panic(cause)
			}
			writeProblem(c, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
			c.Abort()
		}
	}()
	c.Next()
}

// securityHeaders are right for the API and the web app alike; asynqmon's page
// needs its own, see monitoringHeaders. Styles may be inline: the app's parts set
// the places and sizes of theirs so.
func (a *API) securityHeaders() gin.HandlerFunc {
	// Shared by all answers: nobody adds to these lists.
	headers := http.Header{}
	for name, value := range map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Cache-Control":                "no-store",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
			"font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
	} {
		headers.Set(name, value)
	}
	if a.CookieSecure {
		headers.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return func(c *gin.Context) { maps.Copy(c.Writer.Header(), headers) }
}

// textual refuses addresses that are no text: no name, code or prefix has the
// character NUL, and Postgres can neither keep nor compare it.
func textual(c *gin.Context) {
	query, err := url.QueryUnescape(c.Request.URL.RawQuery)
	for _, text := range []string{c.Request.URL.Path, query} {
		if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			writeProblem(c, errAddress)
			c.Abort()
			return
		}
	}
}
