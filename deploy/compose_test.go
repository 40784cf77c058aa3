// Package deploy keeps the deployment files valid.
package deploy

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
)

func load(t *testing.T, envFile string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../docker-compose.yml"},
		cli.WithEnvFiles(envFile), cli.WithDotEnv, cli.WithName("couponbook"))
	require.NoError(t, err)
	return options.LoadProject(context.Background())
}

func newEnv(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	out, err := exec.CommandContext(t.Context(), "./make-env", file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// The compose file is valid with what make-env writes: migrations run before
// the programs, everything that stays up is checked, only the API is published.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	project, err := load(t, newEnv(t))
	require.NoError(t, err)
	require.Len(t, project.Services, 5, "the others come with their profiles only")
	for _, name := range []string{"caddy", "prometheus", "grafana"} {
		require.Contains(t, project.DisabledServices, name)
		require.NotNil(t, project.DisabledServices[name].HealthCheck, name)
	}
	for _, name := range []string{"prometheus", "grafana"} { // for who is on the machine
		require.Equal(t, "127.0.0.1", project.DisabledServices[name].Ports[0].HostIP, name)
	}
	for name, service := range project.Services {
		if name == "migrate" {
			continue
		}
		require.NotNil(t, service.HealthCheck, name)
		require.Equal(t, "unless-stopped", service.Restart, name)
		require.Equal(t, name == "api", len(service.Ports) > 0, "%s is published", name)
	}
	for _, name := range []string{"api", "worker"} {
		service := project.Services[name]
		require.Equal(t, "service_completed_successfully", service.DependsOn["migrate"].Condition, name)
		require.Equal(t, "service_healthy", service.DependsOn["redis"].Condition, name)
		require.True(t, service.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		require.Equal(t, "65532:65532", service.User, name)
		require.GreaterOrEqual(t, service.StopGracePeriod.String(), "40s", "longer than the drain")
	}
	require.Equal(t, "service_healthy", project.Services["migrate"].DependsOn["postgres"].Condition)
	redis := strings.Join(project.Services["redis"].Command, " ")
	require.Contains(t, redis, "--maxmemory-policy noeviction")
	require.Contains(t, redis, "--appendonly yes")
}

// Without passwords nothing starts, and the error says how to make them.
func TestComposeNeedsPasswords(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err := load(t, empty)
	require.ErrorContains(t, err, "run make compose-env")
}

// Passwords are random, for their owner's eyes only, and made once.
func TestMakeEnv(t *testing.T) {
	t.Parallel()
	first, second := newEnv(t), newEnv(t)
	one, err := os.ReadFile(first)
	require.NoError(t, err)
	two, err := os.ReadFile(second)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	info, err := os.Stat(first)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	out, err := exec.CommandContext(t.Context(), "./make-env", first).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "left as it is")
	again, err := os.ReadFile(first)
	require.NoError(t, err)
	require.Equal(t, one, again)
}

// The scripts of operators say what they need, before they do anything.
func TestScriptsSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for command, says := range map[string]string{
		"./backup":                        "usage: DATABASE_URL=postgres://",
		"./backup /tmp":                   "set DATABASE_URL to the database to dump",
		"./restore":                       "usage: DATABASE_URL=postgres://",
		"./restore x":                     "set DATABASE_URL to an empty database",
		"DATABASE_URL=x ./restore nofile": "nofile cannot be read",
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = append(cmd.Environ(), "DATABASE_URL=")
		out, err := cmd.CombinedOutput()
		require.Error(t, err, command)
		require.Contains(t, string(out), says, command)
	}
}
