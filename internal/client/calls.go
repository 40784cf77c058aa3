package client

import (
	"context"
	"net/http"

	"github.com/google/uuid"
)

// SignIn returns an access token.
func (c *Client) SignIn(ctx context.Context, email, password string) (string, error) {
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err := c.Do(ctx, http.MethodPost, "/api/v1/auth/login", map[string]any{"email": email, "password": password}, &out)
	return out.AccessToken, err
}

// Register makes an account.
func (c *Client) Register(ctx context.Context, email, password string) error {
	return c.Do(ctx, http.MethodPost, "/api/v1/auth/register", map[string]any{"email": email, "password": password}, nil)
}

// CreateAPIKey returns the text of a new key.
func (c *Client) CreateAPIKey(ctx context.Context, name string, scopes ...string) (id uuid.UUID, key string, err error) {
	var out struct {
		ID  uuid.UUID `json:"id"`
		Key string    `json:"key"`
	}
	err = c.Do(ctx, http.MethodPost, "/api/v1/api-keys", map[string]any{"name": name, "scopes": scopes}, &out)
	return out.ID, out.Key, err
}

// RevokeAPIKey ends a key.
func (c *Client) RevokeAPIKey(ctx context.Context, id uuid.UUID) error {
	return c.Do(ctx, http.MethodDelete, "/api/v1/api-keys/"+id.String(), nil, nil)
}

// NewBook makes a book with codes, opens it for claims and returns its id.
func (c *Client) NewBook(ctx context.Context, name string, codes int, perUser *int) (uuid.UUID, error) {
	var book struct {
		ID uuid.UUID `json:"id"`
	}
	settings := map[string]any{"name": name}
	if perUser != nil {
		settings["max_assignments_per_user"] = *perUser
	}
	if err := c.Do(ctx, http.MethodPost, "/api/v1/books", settings, &book); err != nil {
		return book.ID, err
	}
	var job Job
	path := "/api/v1/books/" + book.ID.String()
	if err := c.Do(ctx, http.MethodPost, path+"/codes/generate", map[string]any{"count": codes}, &job); err != nil {
		return book.ID, err
	}
	if _, err := c.Finish(ctx, job.ID); err != nil {
		return book.ID, err
	}
	return book.ID, c.Do(ctx, http.MethodPost, path+"/activate", nil, nil)
}

// Claim asks for one coupon; body may be nil, and key empty.
func (c *Client) Claim(ctx context.Context, book uuid.UUID, body any, key string, headers ...Header) (Job, error) {
	if key != "" {
		headers = append(headers, Header{"Idempotency-Key", key})
	}
	var job Job
	err := c.Do(ctx, http.MethodPost, "/api/v1/books/"+book.String()+"/claims", body, &job, headers...)
	return job, err
}
