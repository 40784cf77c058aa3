// Package webhook sends signed messages to the URLs that people register, by
// the rules of Standard Webhooks, and judges the answers. When to send and when
// to give up is decided in packages coupon and service.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"couponbook/internal/coupon"
	"couponbook/internal/tracing"
)

// InFlight is how many requests one endpoint gets at a time.
const InFlight = 4

// How long an endpoint may take, and how much it may answer.
const (
	connectWithin = 3 * time.Second
	tlsWithin     = 5 * time.Second
	headersWithin = 10 * time.Second
	within        = 15 * time.Second // in all
	maxHeaders    = 16 << 10         // bytes
	maxAnswer     = 16 << 10         // bytes read of a body
	maxKept       = 4 << 10          // bytes kept of it
	maxKeptHeader = 500              // bytes kept of a header's value
)

// Sender sends messages.
type Sender struct {
	Guard  Guard
	client *http.Client
}

// NewSender makes a sender. A nil resolver is the system's.
func NewSender(guard Guard, resolver *net.Resolver) *Sender {
	return &Sender{guard, guard.client(resolver)}
}

// Close ends idle connections.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Request is one message on its way to one URL.
type Request struct {
	ID      string // of the message: the webhook-id
	URL     string
	Body    []byte
	Secrets [][]byte // the newest first
}

// Send tries once. Whatever happens is in the attempt.
func (s *Sender) Send(ctx context.Context, r Request) coupon.Attempt {
	start := time.Now()
	a := coupon.Attempt{URL: r.URL, StartedAt: start, RequestHeaders: map[string]string{}, Verdict: coupon.Retry}
	err := s.send(ctx, r, &a)
	a.Took = time.Since(start)
	if err != nil {
		fail(&a, err)
	}
	return a
}

func (s *Sender) send(ctx context.Context, r Request, a *coupon.Attempt) error {
	headers, err := sign(r.ID, a.StartedAt, r.Body, r.Secrets)
	if err != nil {
		return err
	}
	headers.Set("Content-Type", "application/json")
	headers.Set("User-Agent", "couponbook/1")
	if trace := tracing.Carry(ctx); trace != "" {
		headers.Set("traceparent", trace)
	}
	a.RequestHeaders = flat(headers)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return refused("the URL cannot be called: %v", err)
	}
	if request.URL.Scheme != "https" && !s.Guard.AllowHTTP {
		return refused("the operator has not allowed plain HTTP")
	}
	request.Header = headers
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	a.StatusCode, a.ResponseHeaders = &response.StatusCode, flat(response.Header)
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	a.ResponseBody = answer[:min(len(answer), maxKept)]
	judge(a, response)
	if err != nil && a.Verdict == coupon.Delivered {
		return err // it broke off: who knows what the endpoint made of it
	}
	return nil
}

// fail notes why there was no answer.
func fail(a *coupon.Attempt, err error) {
	word, detail := "connection", err.Error()
	var timeout net.Error
	var name *net.DNSError
	switch guard, blocked := isRefused(err); {
	case blocked:
		word, detail = "refused_address", guard.Why
	case errors.As(err, &name):
		word = "name"
	case errors.As(err, &timeout) && timeout.Timeout():
		word = "timeout"
	case strings.Contains(detail, "tls: ") || strings.Contains(detail, "x509: "):
		word = "tls"
	}
	a.Verdict, a.Down = coupon.Retry, true
	a.Error, a.Detail = &word, &detail
}

func flat(headers http.Header) map[string]string {
	all := make(map[string]string, len(headers))
	for name, values := range headers {
		value := strings.ToValidUTF8(strings.Join(values, ", "), "?")
		all[name] = value[:min(len(value), maxKeptHeader)]
	}
	return all
}
