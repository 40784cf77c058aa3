package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"

	"github.com/prometheus/procfs"
)

// machine tells what is measured on.
func (s *stage) machine(ctx context.Context) (map[string]string, error) {
	about := map[string]string{
		"go": runtime.Version(), "os": runtime.GOOS + "/" + runtime.GOARCH,
		"cpu": fmt.Sprintf("%d cores", runtime.NumCPU()),
	}
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if cores, err := fs.CPUInfo(); err == nil && len(cores) > 0 && cores[0].ModelName != "" {
			about["cpu"] = fmt.Sprintf("%d × %s", len(cores), cores[0].ModelName)
		}
	}
	var version string
	if err := s.pool.QueryRow(ctx, `SHOW server_version`).Scan(&version); err != nil {
		return nil, err
	}
	about["postgres"] = "PostgreSQL " + version
	info, err := s.redis.Info(ctx, "server").Result()
	if err != nil {
		return nil, err
	}
	if found := regexp.MustCompile(`redis_version:(\S+)`).FindStringSubmatch(info); found != nil {
		about["redis"] = "Redis " + found[1]
	}
	return about, nil
}
