package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"couponbook/internal/webhook"
)

// What is signed is printed and taken; anything else is printed and refused.
func TestListenVerifies(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	key, err := standardwebhooks.NewWebhookRaw(secret)
	require.NoError(t, err)
	var out bytes.Buffer
	handler := printer(&out, key)
	send := func(body string, at time.Time) int {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		signature, err := key.Sign("evt_1", at, []byte(`{"type":"webhook.test"}`))
		require.NoError(t, err)
		request.Header.Set(standardwebhooks.HeaderWebhookID, "evt_1")
		request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
		request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder.Code
	}
	require.Equal(t, http.StatusNoContent, send(`{"type":"webhook.test"}`, time.Now()))
	require.Contains(t, out.String(), "\"evt_1\" verified")
	require.Equal(t, http.StatusUnauthorized, send(`{"type":"webhook.evil"}`, time.Now()))
	require.Equal(t, http.StatusUnauthorized, send(`no JSON`, time.Now()))
	require.Equal(t, http.StatusUnauthorized, send(`{"type":"webhook.test"}`, time.Now().Add(-time.Hour)))
	require.Equal(t, 3, strings.Count(out.String(), "REFUSED"))
}

// What is wrong with its flags is said.
func TestListenFails(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]listenOptions{
		"--address": {address: "nowhere:at:all"},
		"whsec_":    {address: "127.0.0.1:0", secret: "whsec_"},
		"sign in":   {address: "127.0.0.1:0", url: "http://127.0.0.1:1"},
	} {
		require.ErrorContains(t, listen(t.Context(), &bytes.Buffer{}, o), want)
	}
}

// onceItSpeaks is Ctrl-C once there is output.
type onceItSpeaks context.CancelFunc

func (stop onceItSpeaks) Write(p []byte) (int, error) {
	stop()
	return len(p), nil
}

// The endpoint goes at the end, however long ago the sign-in was; else it is said
// that it stays.
func TestListenEnds(t *testing.T) {
	t.Parallel()
	for name, deleted := range map[string]int{"deleted": http.StatusNoContent, "away": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, end := context.WithCancel(t.Context())
			signIns, by := 0, ""
			mux := http.NewServeMux()
			mux.HandleFunc("POST /api/v1/auth/login", func(w http.ResponseWriter, _ *http.Request) {
				signIns++
				_, _ = fmt.Fprintf(w, `{"access_token": "token %d"}`, signIns)
			})
			mux.HandleFunc("POST /api/v1/webhooks", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"id": %q, "secret": "whsec_%s"}`, uuid.NewString(), strings.Repeat("A", 32))
			})
			mux.HandleFunc("DELETE /api/v1/webhooks/{id}", func(w http.ResponseWriter, r *http.Request) {
				by = r.Header.Get("Authorization")
				w.WriteHeader(deleted)
				_, _ = w.Write([]byte(`{"code": "unavailable"}`))
			})
			api := httptest.NewServer(mux)
			defer api.Close()
			err := listen(ctx, onceItSpeaks(end), listenOptions{address: "127.0.0.1:0", url: api.URL})
			require.Equal(t, "Bearer token 2", by, "the first one has expired")
			if deleted == http.StatusNoContent {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "delete it in the web app")
			}
		})
	}
}
