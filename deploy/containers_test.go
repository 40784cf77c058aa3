//go:build containers

package deploy

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/internal/devservices"
	"couponbook/internal/flashsale"
)

const (
	smokeEmail    = "smoke@example.com"
	smokePassword = "a long enough password"
)

// containers is the compose file under way, as a project of its own.
type containers struct {
	env, base string
	command   []string // docker compose, or docker-compose
}

func (c containers) compose(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	ours := []string{"-f", "../docker-compose.yml", "--env-file", c.env, "-p", "couponbook-smoke"}
	return run(t, stdin, c.command[0], slices.Concat(c.command[1:], ours, args)...)
}

func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	// Not the test's context: it is cancelled before the clean-up.
	cmd := exec.CommandContext(context.Background(), name, args...)
	var told bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &told
	out, err := cmd.Output()
	require.NoError(t, err, "%s %s\n%s\n%s", name, strings.Join(args, " "), out, told.String())
	return string(out)
}

// ids are the containers of a service.
func (c containers) ids(t *testing.T, service string) []string {
	t.Helper()
	return strings.Fields(c.compose(t, "", "ps", "-q", service))
}

// healthy waits until Docker calls every container of the services healthy.
func (c containers) healthy(t *testing.T, services ...string) {
	t.Helper()
	for _, service := range services {
		require.NotEmpty(t, c.ids(t, service), service)
		for _, id := range c.ids(t, service) {
			require.Eventually(t, func() bool {
				return strings.TrimSpace(run(t, "", "docker", "inspect", "-f", "{{.State.Health.Status}}", id)) == "healthy"
			}, 2*time.Minute, 200*time.Millisecond, "%s is not healthy", service)
		}
	}
}

func newContainers(t *testing.T) containers {
	t.Helper()
	c := containers{env: newEnv(t), command: []string{"docker", "compose"}}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() != nil {
		c.command = []string{"docker-compose"}
	}
	port, err := devservices.FreePort(t.Context(), 0)
	require.NoError(t, err)
	c.base = fmt.Sprintf("http://127.0.0.1:%d", port)
	file, err := os.OpenFile(c.env, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(file, "API_PORT=%d\nCOOKIE_SECURE=false\n", port)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return c
}

// The compose file for real: the image is built, everything comes up and is
// healthy, a flash sale is exact, and while people claim every process is
// replaced, one after the other: no job is lost, and verify finds nothing.
func TestContainers(t *testing.T) { //nolint:paralleltest // there is one project
	c := newContainers(t)
	start := time.Now()
	c.compose(t, "", "build", "api")
	t.Logf("built in %.0f s", time.Since(start).Seconds())
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.compose(t, "", "logs", "--tail=50"))
		}
		c.compose(t, "", "--profile", "tls", "--profile", "observability", "down", "--volumes", "--timeout", "45")
		require.Empty(t, strings.Fields(run(t, "", "docker", "ps", "-aq", "--filter", "label=com.docker.compose.project=couponbook-smoke")))
		require.Empty(t, strings.Fields(run(t, "", "docker", "volume", "ls", "-q", "--filter", "label=com.docker.compose.project=couponbook-smoke")))
	})
	start = time.Now()
	c.compose(t, "", "up", "-d", "--no-build", "--scale", "worker=2")
	c.healthy(t, "postgres", "redis", "api", "worker")
	require.Len(t, c.ids(t, "worker"), 2)
	t.Logf("up and healthy after %.0f s, with two workers", time.Since(start).Seconds())

	c.compose(t, smokePassword+"\n", "run", "--rm", "-T", "migrate", "admin", "create", "--email", smokeEmail)
	guest := client.New(c.base, 200)
	token, err := guest.SignIn(t.Context(), smokeEmail, smokePassword)
	require.NoError(t, err)
	admin := guest.As(token)
	result, err := flashsale.Hold(t.Context(), flashsale.Plan{Users: 1000, Codes: 100, Admin: admin, Guest: guest})
	require.NoError(t, err)
	require.True(t, result.Exact(), "%+v", result)
	t.Logf("flash sale: %d granted, refused %v", result.Granted, result.Refused)

	c.replaceAll(t, admin)
	require.Contains(t, c.compose(t, "", "run", "--rm", "-T", "migrate", "verify"), "0 anomalies")
	t.Run("profiles", c.profiles)
}

// replaceAll stops and starts every process while people claim.
func (c containers) replaceAll(t *testing.T, admin *client.Client) {
	t.Helper()
	const codes = 5000
	book, err := admin.NewBook(t.Context(), "Rolling restart", codes, nil)
	require.NoError(t, err)
	_, key, err := admin.CreateAPIKey(t.Context(), "rolling restart", "claims:write", "jobs:read")
	require.NoError(t, err)
	shop := client.New(c.base, 20).As(key)
	accepted := map[uuid.UUID]string{} // and how it ended, as far as the answer told
	var mu sync.Mutex
	var people sync.WaitGroup
	working, stop := context.WithCancel(t.Context())
	for i := range 10 {
		people.Go(func() {
			for n := 0; working.Err() == nil; n++ {
				name := fmt.Sprintf("person-%d-%d", i, n)
				for working.Err() == nil { // asks again under the same key, like every client should
					job, err := shop.Claim(working, book, client.For(name), name, client.Header{Name: "Prefer", Value: "wait=5"})
					if err == nil {
						mu.Lock()
						accepted[job.ID] = job.Status
						mu.Unlock()
						break
					}
					pause(working, 50*time.Millisecond)
				}
				pause(working, 50*time.Millisecond)
			}
		})
	}
	for _, service := range []string{"worker", "api"} {
		for _, id := range c.ids(t, service) {
			pause(working, time.Second)
			run(t, "", "docker", "restart", "-t", "40", id)
			c.healthy(t, service)
			require.Equal(t, "0", strings.TrimSpace(run(t, "", "docker", "inspect", "-f", "{{.RestartCount}}", id)), "it died")
		}
	}
	pause(working, time.Second)
	stop()
	people.Wait()
	outcomes := map[string]int{}
	for id, status := range accepted {
		if status == "queued" {
			job, err := admin.Finish(t.Context(), id)
			require.NoError(t, err)
			status = job.Status
		}
		outcomes[status]++
	}
	t.Logf("%d claims were accepted while every process was replaced, and ended so: %v", len(accepted), outcomes)
	require.Greater(t, len(accepted), 100)
	require.Equal(t, min(len(accepted), codes), outcomes["succeeded"])
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// profiles looks at what comes with the profiles: every process is watched by
// Prometheus, and the service answers over TLS.
func (c containers) profiles(t *testing.T) {
	c.compose(t, "", "--profile", "observability", "--profile", "tls", "up", "-d", "--no-build", "--scale", "worker=2", "prometheus", "caddy")
	c.healthy(t, "prometheus", "caddy")
	processes := func() (n int) {
		var answer struct {
			Data struct {
				Result []struct{ Value []any }
			}
		}
		require.NoError(t, json.Unmarshal(get(t, http.DefaultClient, "http://127.0.0.1:9091/api/v1/query?query=up==1"), &answer))
		return len(answer.Data.Result)
	}
	require.Eventually(t, func() bool { return processes() == 3 }, time.Minute, time.Second, "an API process and two workers are watched")
	// The certificate of `localhost` is Caddy's own.
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	require.Contains(t, string(get(t, insecure, "https://localhost/readyz")), "ok")
}

func get(t *testing.T, c *http.Client, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := c.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	return body
}
