package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// Problem is the body of every refusal (RFC 9457).
type Problem struct { //nolint:errname // the name of the schema in the API
	Type      string         `json:"type" doc:"names the sort of problem" example:"urn:couponbook:problem:sold_out"`
	Title     string         `json:"title" doc:"the status in words"`
	Status    int            `json:"status"`
	Code      string         `json:"code" doc:"stable, for machines" example:"sold_out"`
	Detail    string         `json:"detail" doc:"what is wrong and what to do"`
	Errors    []coupon.Field `json:"errors,omitempty" doc:"the faults of the input"`
	RequestID string         `json:"request_id,omitempty" doc:"name it when you ask for help"`

	retryAfter time.Duration
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType of a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statusOf is the one place that turns a domain error into an HTTP status.
var statusOf = map[coupon.Kind]int{
	coupon.Malformed:       http.StatusBadRequest,
	coupon.Invalid:         http.StatusUnprocessableEntity,
	coupon.Unauthenticated: http.StatusUnauthorized,
	coupon.Forbidden:       http.StatusForbidden,
	coupon.NotFound:        http.StatusNotFound,
	coupon.Conflict:        http.StatusConflict,
	coupon.Gone:            http.StatusGone,
	coupon.Stale:           http.StatusPreconditionFailed,
	coupon.Limited:         http.StatusTooManyRequests,
	coupon.Unavailable:     http.StatusServiceUnavailable,
	coupon.Shedding:        http.StatusServiceUnavailable,
}

// codeOf names the problems that the HTTP layer itself finds.
var codeOf = map[int]string{
	http.StatusBadRequest:            "malformed_request",
	http.StatusRequestEntityTooLarge: "body_too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusUnprocessableEntity:   "invalid_input",
	http.StatusRequestTimeout:        "request_timeout",
}

var (
	errNoRoute    = &Problem{Status: http.StatusNotFound, Code: "route_not_found", Detail: "There is nothing at this path: see /docs."}
	errMethod     = &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "This path does not take this method: see /docs."}
	errCompressed = &Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "The body is compressed: send it as it is, without Content-Encoding."}
	errNoFile     = &Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "Send text/csv, a form with one file as multipart/form-data, or a list of codes as application/json."}
	errNoCSV      = &Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "Send text/csv, or a form with one file as multipart/form-data."}
	errAddress    = &Problem{Status: http.StatusBadRequest, Code: codeOf[http.StatusBadRequest], Detail: "The address must be text in UTF-8, percent-encoded, without the character NUL."}
	errCutOff     = &Problem{Status: http.StatusBadRequest, Code: "upload_cut_off", Detail: "The file ended before all of it had come, and nothing of it was kept: send it again."}
	errCutBody    = &Problem{Status: http.StatusBadRequest, Code: codeOf[http.StatusBadRequest], Detail: "The body ended before all of it had come: send it again."}
	errTooLarge   = &Problem{Status: http.StatusRequestEntityTooLarge, Code: codeOf[http.StatusRequestEntityTooLarge], Detail: "The body is larger than 1 MiB: send less of it at a time."}
	errTooSlow    = &Problem{Status: http.StatusRequestTimeout, Code: "upload_too_slow", Detail: "The file took too long to come in, and nothing of it was kept: send it in parts."}
	errOrigin     = &Problem{Status: http.StatusForbidden, Code: "cross_origin", Detail: "The request comes from a page of another site: add its origin to CORS_ORIGINS, and send an access token instead of a cookie."}
	errCSRF       = &Problem{Status: http.StatusForbidden, Code: "csrf_token", Detail: "Send the value of the cookie " + csrfCookie + " as the header " + csrfHeader + "."}
)

// newProblem is what huma calls for its own findings and for what handlers return.
func newProblem(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
	request, set := context.Background(), func(string, string) {}
	if ctx != nil {
		request, set = ctx.Context(), ctx.SetHeader
	}
	if status == http.StatusInternalServerError && len(errs) > 0 {
		problem := problemOf(request, errors.Join(errs...))
		problem.head(set)
		return problem
	}
	problem := &Problem{Status: status, Code: codeOf[status], Detail: sentence(message)}
	for _, err := range errs {
		var located huma.ErrorDetailer
		if errors.As(err, &located) {
			detail := located.ErrorDetail()
			problem.Errors = append(problem.Errors, coupon.Field{Pointer: pointer(detail.Location), Detail: detail.Message})
		} else if err != nil && status < http.StatusInternalServerError {
			problem.Errors = append(problem.Errors, coupon.Field{Detail: err.Error()})
		}
	}
	return problem.finish(request)
}

// problemOf turns any error into what the caller may know of it. What is not
// meant for him is logged here, once.
func problemOf(ctx context.Context, err error) *Problem {
	var problem *Problem
	var known *coupon.Error
	switch {
	case errors.As(err, &problem):
		given := *problem
		return given.finish(ctx)
	case errors.As(err, &known):
		problem = &Problem{Status: statusOf[known.Kind], Code: known.Code, Detail: known.Message, Errors: known.Fields, retryAfter: known.RetryAfter}
		if known.Kind == coupon.Unavailable {
			slog.ErrorContext(ctx, "request failed", "request_id", requestOf(ctx).id, "error", err)
		}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		problem = &Problem{Status: 499, Code: "client_gone", Detail: "The client went away."}
	case service.IsTransient(err):
		return problemOf(ctx, errors.Join(coupon.ErrBusy, err))
	default:
		slog.ErrorContext(ctx, "request failed", "request_id", requestOf(ctx).id, "error", err)
		problem = &Problem{
			Status: http.StatusInternalServerError, Code: "internal",
			Detail: "Something broke on our side; try again, and name the request_id if it stays so.",
		}
	}
	return problem.finish(ctx)
}

func (p *Problem) finish(ctx context.Context) *Problem {
	request := requestOf(ctx)
	request.problem = p.Code
	p.Type, p.Title, p.RequestID = "urn:couponbook:problem:"+p.Code, http.StatusText(p.Status), request.id
	if p.Code == "" {
		p.Type = "about:blank"
	}
	return p
}

// head sets the headers that go with the problem's status.
func (p *Problem) head(set func(name, value string)) {
	switch p.Status {
	case http.StatusUnauthorized:
		set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		p.retryAfter = max(p.retryAfter, time.Second)
	}
	if p.retryAfter > 0 {
		set("Retry-After", wholeSeconds(p.retryAfter))
	}
}

// writeProblem answers from a middleware or a plain Gin handler.
func writeProblem(c *gin.Context, err error) {
	problem := problemOf(c.Request.Context(), err)
	problem.head(c.Header)
	body, err := json.Marshal(problem)
	if err != nil {
		slog.ErrorContext(c.Request.Context(), "problem not written", "error", err)
	}
	c.Data(problem.Status, problem.ContentType(""), body)
}

// pointer turns huma's location, like body.user.email or body.items[3], into a
// JSON pointer; parameters keep their name.
func pointer(location string) string {
	rest, inBody := strings.CutPrefix(location, "body")
	if !inBody {
		_, name, found := strings.Cut(location, ".")
		if !found {
			return location
		}
		return name
	}
	return strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(rest)
}

func sentence(message string) string {
	if message == "" {
		return message
	}
	message = strings.ToUpper(message[:1]) + message[1:]
	return strings.TrimSuffix(message, ".") + "."
}
