package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/client/api"
)

// answering is a client of an API that always answers so, and what it was asked.
func answering(t *testing.T, status int, body string) (*client.Client, *http.Request) {
	t.Helper()
	var asked http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = *r
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return client.New(server.URL, 1).As("a-token"), &asked
}

// A claim is sent to its book with its key and its credential.
func TestClaim(t *testing.T) {
	t.Parallel()
	c, asked := answering(t, http.StatusAccepted, `{"id": "019af4a5-0000-7000-8000-000000000000", "status": "queued"}`)
	book := uuid.New()
	job, err := c.Claim(t.Context(), book, client.For("ann"), "my-key", client.Header{Name: "Prefer", Value: "wait=5"})
	require.NoError(t, err)
	require.Equal(t, "queued", job.Status)
	require.Equal(t, "/api/v1/books/"+book.String()+"/claims", asked.URL.Path)
	require.Equal(t, "Bearer a-token", asked.Header.Get("Authorization"))
	require.Equal(t, "my-key", asked.Header.Get("Idempotency-Key"))
	require.Equal(t, "wait=5", asked.Header.Get("Prefer"))
}

// A refusal is a *ProblemError with its code, in whatever way one asks.
func TestRefusal(t *testing.T) {
	t.Parallel()
	c, _ := answering(t, http.StatusConflict, `{"code": "sold_out", "detail": "No code is left."}`)
	_, generated := client.Read[api.Book](c.API().GetBook(t.Context(), uuid.New()))
	for _, err := range []error{generated, c.Do(t.Context(), http.MethodGet, "/", nil, nil)} {
		var problem *client.ProblemError
		require.ErrorAs(t, err, &problem)
		require.Equal(t, "sold_out", problem.Code)
		require.EqualError(t, err, "409 sold_out: No code is left.")
	}
}

// What is no answer of the API is told with its status.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	c, _ := answering(t, http.StatusBadGateway, `<html>`)
	require.EqualError(t, c.Do(t.Context(), http.MethodGet, "/x", nil, nil), "GET /x: status 502 with an unreadable body")
	c, _ = answering(t, http.StatusOK, `<html>`)
	_, err := client.Read[api.Book](c.API().GetBook(t.Context(), uuid.New()))
	require.ErrorContains(t, err, "invalid character")
	require.Error(t, c.Do(t.Context(), http.MethodPost, "/x", make(chan int), nil))
	require.Error(t, client.New("http://127.0.0.1:1", 1).RevokeAPIKey(t.Context(), uuid.New()))
}
