package webhook

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// loopback lets webhooks go to this machine.
var loopback = Guard{AllowHTTP: true, Ranges: prefixes("127.0.0.0/8"), Ports: []int{443}}

// receive starts an endpoint, and sends to it once.
func receive(t *testing.T, answer http.HandlerFunc, change ...func(*Sender)) coupon.Attempt {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	sender := NewSender(loopback, nil)
	for _, c := range change {
		c(sender)
	}
	t.Cleanup(sender.Close)
	return sender.Send(t.Context(), Request{ID: "evt_7", URL: server.URL, Body: []byte(`{"a":1}`), Secrets: [][]byte{NewSecret()}})
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// What an answer means.
func TestJudgement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		verdict coupon.Verdict
		down    bool
		again   time.Duration
		reason  coupon.DisabledReason
	}{
		"200":         {answer: status(200), verdict: coupon.Delivered},
		"204":         {answer: status(204), verdict: coupon.Delivered},
		"301":         {answer: status(301, "Location", "https://8.8.8.8/"), verdict: coupon.Retry},
		"400":         {answer: status(400), verdict: coupon.Retry},
		"410":         {answer: status(410), verdict: coupon.Disable, reason: coupon.DisabledGone},
		"429":         {answer: status(429, "Retry-After", "120"), verdict: coupon.Retry, again: 2 * time.Minute},
		"429 absurd":  {answer: status(429, "Retry-After", "99999999999"), verdict: coupon.Retry, again: 24 * time.Hour},
		"429 in past": {answer: status(429, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), verdict: coupon.Retry},
		"500":         {answer: status(500), verdict: coupon.Retry, down: true},
		"503":         {answer: status(503, "Retry-After", "7"), verdict: coupon.Retry, down: true, again: 7 * time.Second},
		"disable":     {answer: status(200, control, "disable"), verdict: coupon.Disable, reason: coupon.DisabledAsked},
		"abort":       {answer: status(400, control, "abort-message"), verdict: coupon.GiveUp},
	} {
		a := receive(t, c.answer)
		require.Equal(t, c.verdict, a.Verdict, name)
		require.Equal(t, c.down, a.Down, name)
		require.Equal(t, c.again, a.RetryAfter, name)
		require.Equal(t, c.reason, a.Disabled, name)
		require.Equal(t, c.verdict != coupon.Delivered, a.Error != nil, name)
		require.NotNil(t, a.StatusCode, name)
	}
}

// A redirect to what is inside is not followed.
func TestNoRedirects(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer inside.Close()
	a := receive(t, status(http.StatusTemporaryRedirect, "Location", inside.URL))
	require.Equal(t, "redirect", *a.Error)
	require.False(t, followed.Load())
}

// Receivers that misbehave cost little, and are told from those that do not.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	impatient := func(s *Sender) { s.client.Timeout = 300 * time.Millisecond }
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		a := receive(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, impatient)
		require.Equal(t, "timeout", *a.Error, *a.Detail)
		require.True(t, a.Down)
		require.Less(t, a.Took, 5*time.Second)
	})
	t.Run("answers for ever", func(t *testing.T) {
		t.Parallel()
		a := receive(t, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
					return
				}
			}
		})
		require.Equal(t, coupon.Delivered, a.Verdict, "it said 200; the rest is not read")
		require.Len(t, a.ResponseBody, maxKept)
	})
	t.Run("drips", func(t *testing.T) {
		t.Parallel()
		a := receive(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				<-time.After(10 * time.Millisecond)
			}
		}, impatient)
		require.Equal(t, "timeout", *a.Error, *a.Detail)
	})
	t.Run("closes in the middle", func(t *testing.T) {
		t.Parallel()
		a := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
				_ = connection.Close()
			}
		})
		require.Equal(t, coupon.Retry, a.Verdict)
		require.Equal(t, "connection", *a.Error, *a.Detail)
	})
	t.Run("bomb", func(t *testing.T) {
		t.Parallel()
		var bomb bytes.Buffer
		packer := gzip.NewWriter(&bomb)
		_, _ = packer.Write(make([]byte, 10<<20))
		require.NoError(t, packer.Close())
		a := receive(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "" {
				w.WriteHeader(http.StatusTeapot)
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		})
		require.Equal(t, coupon.Delivered, a.Verdict)
		require.Equal(t, bomb.Bytes()[:maxKept], a.ResponseBody, "it is kept as it came")
	})
	t.Run("headers without end", func(t *testing.T) {
		t.Parallel()
		a := receive(t, status(200, "X-Long", strings.Repeat("x", 40<<10)))
		require.Equal(t, coupon.Retry, a.Verdict)
		require.Nil(t, a.StatusCode)
	})
	t.Run("is not there", func(t *testing.T) {
		t.Parallel()
		gone, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, gone.Close())
		sender := NewSender(loopback, nil)
		defer sender.Close()
		a := sender.Send(t.Context(), Request{ID: "evt_1", URL: "http://" + gone.Addr().String(), Secrets: [][]byte{NewSecret()}})
		require.Equal(t, "connection", *a.Error)
		require.True(t, a.Down)
	})
	t.Run("certificate of nobody", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(status(200))
		server.Config.ErrorLog = nil
		server.StartTLS()
		defer server.Close()
		sender := NewSender(loopback, nil)
		defer sender.Close()
		a := sender.Send(t.Context(), Request{ID: "evt_1", URL: server.URL, Secrets: [][]byte{NewSecret()}})
		require.Equal(t, "tls", *a.Error, *a.Detail)
	})
	t.Run("plain HTTP after all", func(t *testing.T) {
		t.Parallel()
		a := receive(t, status(200), func(s *Sender) { s.Guard.AllowHTTP = false })
		require.Equal(t, "refused_address", *a.Error)
	})
}

// Signatures are those of Standard Webhooks: its own library takes them, and
// nothing that was changed.
func TestSignatures(t *testing.T) {
	t.Parallel()
	older, newer := NewSecret(), NewSecret()
	body, now := []byte(`{"type":"webhook.test"}`), time.Now()
	headers, err := sign("evt_1", now, body, [][]byte{newer, older})
	require.NoError(t, err)
	for _, secret := range [][]byte{newer, older} {
		key, err := standardwebhooks.NewWebhook(SecretText(secret))
		require.NoError(t, err)
		require.NoError(t, key.Verify(body, headers))
		require.Error(t, key.Verify([]byte(`{"type":"webhook.test" }`), headers), "tampered")
		stale, err := sign("evt_1", now.Add(-6*time.Minute), body, [][]byte{secret})
		require.NoError(t, err)
		require.Error(t, key.Verify(body, stale), "old")
	}
	wrong, err := standardwebhooks.NewWebhook(SecretText(NewSecret()))
	require.NoError(t, err)
	require.Error(t, wrong.Verify(body, headers), "wrong secret")
	_, err = sign("evt_1", now, body, [][]byte{{}})
	require.ErrorContains(t, err, "0 bytes")
	require.Len(t, NewSecret(), secretBytes)
	require.NotEqual(t, hex.EncodeToString(older), hex.EncodeToString(newer))
	sender := NewSender(loopback, nil)
	defer sender.Close()
	a := sender.Send(t.Context(), Request{ID: "evt_1", URL: "http://127.0.0.1:1"})
	require.NotNil(t, a.Error, fmt.Sprint(a))
}
