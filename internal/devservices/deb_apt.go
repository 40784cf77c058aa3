package devservices

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// aptConfig keeps apt away from the system's caches. It also clears the hooks
// that distributions run after an update, since they would clean those caches.
const aptConfig = `Dir::Cache "%[1]s/cache";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`

// privateLists are read in place of those that the system's apt-get update got.
const privateLists = `Dir::State::lists "%[1]s/lists";
`

// apt runs apt-get in the directory that takes the downloads.
func (a *debArchive) apt(ctx context.Context, args ...string) error {
	config := aptConfig
	if a.private {
		config += privateLists
	}
	own := filepath.Join(a.dir, "apt")
	file := filepath.Join(own, "apt.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, own), 0o600); err != nil {
		return fmt.Errorf("configure apt-get: %w", err)
	}
	_, err := a.run(ctx, "apt-get", append([]string{"--config-file", file, "--quiet"}, args...)...)
	return err
}

func (a *debArchive) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd, err := a.machine.command(ctx, name, args...)
	if err != nil {
		return "", err
	}
	cmd.Dir = filepath.Join(a.dir, "debs")
	text, err := output(cmd, a.dir)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	return text, nil
}
