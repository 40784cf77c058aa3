// Package client speaks the product's API. Its requests and what they carry are
// generated of the OpenAPI document, in package api; couponctl, the benchmark and
// the end-to-end tests use it, and thereby prove it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"couponbook/client/api"
)

// Client calls one API with one credential.
type Client struct {
	base       string
	credential string
	http       *http.Client
}

// New makes a client for the API at base, an address like http://127.0.0.1:8080,
// with at most connections at a time.
func New(base string, connections int) *Client {
	return &Client{base: base, http: &http.Client{
		Timeout: 60 * time.Second,
		Transport: &http.Transport{
			MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute,
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		},
	}}
}

// As returns a client that shows a credential: an access token or an API key.
func (c *Client) As(credential string) *Client {
	other := *c
	other.credential = credential
	return &other
}

// ProblemError is a refusal of the API.
type ProblemError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *ProblemError) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// Header is a request header.
type Header struct{ Name, Value string }

// Do sends a request and reads the JSON answer into out, unless that is nil. A
// refusal comes back as *ProblemError.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, headers ...Header) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	_ = c.show(headers...)(ctx, request)
	response, err := c.http.Do(request)
	return read(response, err, out)
}

// API are all operations of the API, each with its parameters and its body. Hand
// what one returns to [Read].
func (c *Client) API() *api.Client {
	return &api.Client{Server: c.base + "/", Client: c.http, RequestEditors: []api.RequestEditorFn{c.show()}}
}

// show adds the credential and headers to a request.
func (c *Client) show(headers ...Header) api.RequestEditorFn {
	return func(_ context.Context, request *http.Request) error {
		if c.credential != "" {
			request.Header.Set("Authorization", "Bearer "+c.credential)
		}
		for _, h := range headers {
			request.Header.Set(h.Name, h.Value)
		}
		return nil
	}
}

// Read reads the JSON of an answer into a T. A refusal comes back as *ProblemError.
func Read[T any](response *http.Response, err error) (out T, _ error) {
	err = read(response, err, &out)
	return out, err
}

func read(response *http.Response, err error, out any) error {
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		problem := &ProblemError{Status: response.StatusCode}
		if err = json.Unmarshal(data, problem); err != nil {
			return fmt.Errorf("%s %s: status %d with an unreadable body", response.Request.Method, response.Request.URL.Path, response.StatusCode)
		}
		return problem
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Job is what most want to know of a job; api.Job has all.
type Job struct {
	ID     uuid.UUID `json:"id"`
	Status string    `json:"status"`
	Done   bool      `json:"done"`
	Result *struct {
		Coupons []struct {
			ID   uuid.UUID `json:"id"`
			Code string    `json:"code"`
		} `json:"coupons"`
	} `json:"result"`
	Error *struct {
		Code string `json:"code"`
	} `json:"error"`
}

// Finish follows a job to its end.
func (c *Client) Finish(ctx context.Context, id uuid.UUID) (Job, error) {
	for {
		job, err := Read[Job](c.API().GetJob(ctx, id, &api.GetJobParams{Prefer: new("wait=10")}))
		if err != nil || job.Done {
			return job, err
		}
	}
}
