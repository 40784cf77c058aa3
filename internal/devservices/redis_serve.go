package devservices

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

var redisLadder = []rung{{syscall.SIGTERM, 20 * time.Second}}

// serve runs the program with its files in home. Once it answers, the server
// releases held when it stops.
func (p redisProgram) serve(ctx context.Context, home string, held *lock, log io.Writer) (*Redis, error) {
	pidFile := filepath.Join(home, "redis.pid")
	found, err := endLeftover(pidFile, "--dir", home, redisLadder...)
	if err != nil {
		return nil, err
	}
	if found {
		say(log, "redis: stopped the server that a killed run left on %s", home)
	}
	c, port, err := launch{
		name: "redis",
		dir:  home,
		command: func(ctx context.Context, port int) *exec.Cmd {
			cmd := exec.CommandContext(ctx, p.path, redisArgs(home, pidFile, port)...)
			cmd.Env = append(cmd.Environ(), p.env...)
			cmd.Dir = home
			return cmd
		},
		ready:    redisReady,
		ladder:   redisLadder,
		patience: startPatience,
	}.run(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{child: c, lock: held, ladder: redisLadder}
	return &Redis{URL: redisURL(port), Picked: p.picked, stop: s.stop, pid: c.pid(), exited: c.exited}, nil
}

func redisURL(port int) string { return "redis://" + address(port) + "/0" }

func redisArgs(home, pidFile string, port int) []string {
	return []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--protected-mode", "yes",
		"--daemonize", "no", "--supervised", "no", "--logfile", "", // the log is our file, its standard output
		"--dir", home, "--pidfile", pidFile,
		"--set-proc-title", "no", // so that the next run knows a leftover by its arguments
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
		"--maxmemory-policy", "noeviction",
	}
}

// redisReady asks for the process number too: without a password, the server
// of somebody who was faster to the port would answer as well.
func redisReady(ctx context.Context, pid, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{
		Addr:                     address(port),
		MaxRetries:               -1,
		PoolSize:                 1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer func() { _ = client.Close() }() // the answer is in
	if err := client.Ping(ctx).Err(); err != nil {
		return err // among others LOADING, while it reads its data
	}
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", pid)) {
		return fmt.Errorf("port %d belongs to another redis", port)
	}
	return nil
}
