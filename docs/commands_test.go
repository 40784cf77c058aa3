//go:build docs

package docs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answers are what the last commands of a page must have printed.
var answers = map[string]string{"guide.md": `"type":"coupon.redeemed"`}

// follow are the pages whose commands a reader types one after the other, with
// the service of `make run` in another terminal.
var follow = []string{"../README.md", "guide.md", "webhooks.md"}

// elsewhere is typed in another terminal, or into an installation of its own.
var elsewhere = regexp.MustCompile(`^(make (run|test)\b|docker compose|go run \./cmd/couponctl listen)`)

// Every command of these pages works as it is printed: none fails, and no answer
// is a refusal. What listens in a third terminal hears what it says it hears.
func TestCommandsOfThePages(t *testing.T) { //nolint:paralleltest // it takes port 8080
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	service := inBackground(t, root, "make run")
	require.Eventually(t, func() bool {
		response, err := http.Get("http://127.0.0.1:8080/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK && strings.Contains(service.text(), "Ctrl-C")
	}, 10*time.Minute, time.Second, "the service does not get ready")

	for _, page := range follow {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		blocks := shellBlocks(string(text))
		require.NotEmpty(t, blocks, page)
		var script strings.Builder
		script.WriteString("set -eu\n")
		if page == "webhooks.md" { // goes on from the README
			script.WriteString(strings.Join(shellBlocks(read(t, "../README.md"))[1:2], "\n"))
		}
		var ears []*background
		for i, block := range blocks {
			if strings.Contains(block, "https://example.com/") { // the reader's own receiver
				continue
			}
			fmt.Fprintf(&script, "\necho '--- %s, block %d'\n", page, i+1)
			for line := range strings.Lines(block) {
				switch {
				case strings.HasPrefix(line, "go run ./cmd/couponctl listen"):
					ears = append(ears, inBackground(t, root, strings.TrimSpace(line)))
				case !elsewhere.MatchString(line):
					script.WriteString(line)
				}
			}
		}
		for _, ear := range ears {
			require.Eventually(t, func() bool { return strings.Contains(ear.text(), "listening on") }, time.Minute, 100*time.Millisecond, ear.text())
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		require.NoError(t, err)
		require.NotRegexp(t, `"request_id":|Error:|Usage:`, string(out))
		require.Contains(t, string(out), answers[page])
		for _, ear := range ears {
			require.Eventually(t, func() bool { return strings.Contains(ear.text(), "verified") }, time.Minute, 100*time.Millisecond, ear.text())
			require.NotContains(t, ear.text(), "REFUSED")
		}
	}
	asOperator(t, root)
}

// asOperator types what operations.md has for psql, and its backup: with the
// database of `make run`, and a new one beside it to restore into.
func asOperator(t *testing.T, root string) {
	t.Helper()
	var running struct {
		DatabaseURL string `json:"database_url"`
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "../.data/running.json")), &running))
	restored, err := url.Parse(running.DatabaseURL)
	require.NoError(t, err)
	restored.Path = fmt.Sprintf("/restored_%d", time.Now().UnixNano())
	dumps := t.TempDir()
	given := strings.NewReplacer(
		"postgres://… deploy/backup", "'"+running.DatabaseURL+"' deploy/backup",
		"postgres://… deploy/restore", "'"+restored.String()+"' deploy/restore",
		"/var/backups/couponbook/couponbook-20261128T120000Z.dump", dumps+"/*.dump",
		"/var/backups/couponbook", dumps,
		"couponctl verify", "DATABASE_URL='"+restored.String()+"' couponctl verify",
	)
	var script strings.Builder
	fmt.Fprintf(&script, "set -eu\nexport DATABASE_URL='%s' PATH=\"$PWD/bin:$PATH\"\npsql \"$DATABASE_URL\" -c 'CREATE DATABASE %s'\n", running.DatabaseURL, restored.Path[1:])
	typed := 0
	for _, block := range shellBlocks(read(t, "operations.md")) {
		if !strings.HasPrefix(block, "echo") { // make container-smoke types those of the compose file
			script.WriteString(given.Replace(block))
			typed++
		}
	}
	require.Equal(t, 3, typed)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	require.Contains(t, string(out), "limit_reached", "why customer-42 was refused")
	require.Contains(t, string(out), "0 anomalies")
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return string(text)
}

// shellBlocks are the blocks of a page that are marked as shell.
func shellBlocks(text string) (blocks []string) {
	var block *strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```sh"):
			block = &strings.Builder{}
		case strings.HasPrefix(line, "```") && block != nil:
			blocks, block = append(blocks, block.String()), nil
		case block != nil:
			block.WriteString(line)
		}
	}
	return blocks
}

// background is a command in a terminal of its own.
type background struct{ file string }

func (b *background) text() string {
	text, _ := os.ReadFile(b.file)
	return string(bytes.TrimSpace(text))
}

func inBackground(t *testing.T, dir, command string) *background {
	t.Helper()
	b := &background{filepath.Join(t.TempDir(), "output")}
	out, err := os.Create(b.file)
	require.NoError(t, err)
	cmd := exec.Command("bash", "-c", "exec "+command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to all of a terminal
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		_ = cmd.Wait()
		if t.Failed() {
			lines := bufio.NewScanner(strings.NewReader(b.text()))
			for lines.Scan() {
				t.Logf("%s: %s", command, lines.Text())
			}
		}
	})
	return b
}
