package devservices

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// pickPort answers a free port of the loopback: the one remembered in file
// while it is free, so that URLs stay the same from run to run, else any. Until
// the server has bound it, someone else may take it: callers try again.
func pickPort(ctx context.Context, file string) (int, error) {
	remembered := 0
	if text, err := os.ReadFile(file); err == nil {
		remembered, _ = strconv.Atoi(strings.TrimSpace(string(text))) // nonsense counts as no memory
	}
	port, err := freePort(ctx, remembered)
	if err != nil && remembered != 0 {
		port, err = freePort(ctx, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port on 127.0.0.1: %w", err)
	}
	return port, nil
}

// freePort answers port when it is free, or any free one for 0.
func freePort(ctx context.Context, port int) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address(port))
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }() // nobody connected: nothing can be lost
	_, text, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func rememberPort(file string, port int) error {
	if err := os.WriteFile(file, []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
		return fmt.Errorf("remember port: %w", err)
	}
	return nil
}

func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
