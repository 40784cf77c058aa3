//go:build containers

package deploy

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// The commands of docs/deployment.md for one machine, as they are printed: the
// service is up, over TLS, and its administrator can sign in.
func TestDeploymentOnOneMachine(t *testing.T) { //nolint:paralleltest // it takes the ports that are printed
	page, err := os.ReadFile("../docs/deployment.md")
	require.NoError(t, err)
	printed := shellBlock.FindStringSubmatch(string(page))[1]
	require.Contains(t, printed, "docker compose --profile tls up -d --build")

	checkout := filepath.Join(t.TempDir(), "couponbook-printed")
	run(t, "", "git", "-C", "..", "checkout-index", "--all", "--prefix="+checkout+"/")
	shell := func(commands string) {
		if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() != nil { // Debian's is a program of its own
			commands = "docker() { shift; docker-compose \"$@\"; }\n" + commands
		}
		run(t, "", "bash", "-c", "set -eu\ncd '"+checkout+"'\n"+commands)
	}
	t.Cleanup(func() { shell("docker compose --profile tls down --volumes --timeout 45") })
	shell(printed)

	// The certificate of `localhost` is Caddy's own.
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	require.Eventually(t, func() bool {
		response, err := insecure.Post("https://localhost/api/v1/auth/login", "application/json",
			strings.NewReader(`{"email": "you@example.com", "password": "a long password of yours"}`))
		if err != nil {
			return false
		}
		require.NoError(t, response.Body.Close())
		return response.StatusCode == http.StatusOK
	}, 2*time.Minute, time.Second)
}
