package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

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
