// Package client speaks the product's API: for the operator's tool, the
// benchmark and the end-to-end tests, which thereby prove it.
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
)

// Client calls one API with one credential.
type Client struct {
	base       string
	credential string
	http       *http.Client
}

// New makes a client for the API at base, like http://127.0.0.1:8080, with at
// most connections at a time.
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
	if c.credential != "" {
		request.Header.Set("Authorization", "Bearer "+c.credential)
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}
	response, err := c.http.Do(request)
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
			return fmt.Errorf("%s %s: status %d with an unreadable body", method, path, response.StatusCode)
		}
		return problem
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Job is a job as the API tells it.
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
		var job Job
		err := c.Do(ctx, http.MethodGet, "/api/v1/jobs/"+id.String(), nil, &job, Header{"Prefer", "wait=10"})
		if err != nil || job.Done {
			return job, err
		}
	}
}
