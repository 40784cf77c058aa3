package devservices

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// debRedis answers the Redis of Debian or Ubuntu, unpacked below cacheDir. It
// needs no root, and neither installs nor changes anything of the system.
func debRedis(ctx context.Context, m machine, cacheDir string, log io.Writer) (redisProgram, error) {
	install := filepath.Join(cacheDir, "redis-deb")
	for {
		_, err := os.Stat(install)
		cached := err == nil
		if err := downloadOnce(ctx, install, func(draft string) error {
			say(log, "redis: fetching redis-server (1.4 MB) from the archive of this system, without installing it")
			return fetchDebRedis(ctx, m, draft, log)
		}); err != nil {
			return redisProgram{}, err
		}
		program := unpackedRedis(install)
		version, err := program.version(ctx, m)
		if err == nil {
			program.picked = fmt.Sprintf("redis-server %s of this system's archive, unpacked in %s", version, install)
			return program, nil
		}
		if !cached || ctx.Err() != nil {
			return redisProgram{}, err
		}
		// The system was upgraded, and its libraries no longer fit.
		say(log, "redis: the copy in %s no longer runs", install)
		if err := os.RemoveAll(install); err != nil {
			return redisProgram{}, fmt.Errorf("remove unusable redis: %w", err)
		}
	}
}

// unpackedRedis points the program to the libraries unpacked with it.
func unpackedRedis(dir string) redisProgram {
	root := filepath.Join(dir, "root")
	libraries, _ := fs.Glob(os.DirFS(root), "usr/lib/*-linux-*") // the pattern is constant
	for i := range libraries {
		libraries[i] = filepath.Join(root, libraries[i])
	}
	return redisProgram{
		path: filepath.Join(root, "usr", "bin", "redis-server"),
		env:  []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")},
	}
}

// fetchDebRedis unpacks redis-server into dir/root together with the libraries
// that the system lacks, found by asking what is still missing.
func fetchDebRedis(ctx context.Context, m machine, dir string, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	archive, err := openArchive(m, dir, log)
	if err != nil {
		return err
	}
	tried := map[string]bool{}
	wanted := []string{"redis-server", "redis-tools"}
	for {
		for _, name := range wanted {
			tried[name] = true
		}
		if err := archive.unpack(ctx, wanted); err != nil {
			return err
		}
		missing, err := missingLibraries(ctx, m, unpackedRedis(dir))
		if err != nil || len(missing) == 0 {
			return errors.Join(err, archive.tidy())
		}
		if wanted, err = archive.libraries(ctx, tried); err != nil {
			return err
		}
		if len(wanted) == 0 {
			return fmt.Errorf("find the libraries of redis: no package brings %s", strings.Join(missing, ", "))
		}
	}
}

// missingLibraries answers the shared libraries that the loader cannot find.
func missingLibraries(ctx context.Context, m machine, program redisProgram) ([]string, error) {
	cmd, err := m.command(ctx, "ldd", program.path)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, program.env...)
	text, err := output(cmd, filepath.Dir(program.path))
	if err != nil {
		return nil, fmt.Errorf("list the libraries of redis: %w", err)
	}
	var missing []string
	for line := range strings.Lines(text) {
		if name, _, found := strings.Cut(line, "=> not found"); found {
			missing = append(missing, strings.TrimSpace(name))
		}
	}
	return missing, nil
}
