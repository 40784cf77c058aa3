// Package telemetry sets up what operators look at: logs and metrics.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// SetUpLog makes JSON lines on w the process's log. level is debug, info, warn
// or error.
func SetUpLog(w io.Writer, process, level string) error {
	var threshold slog.Level
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("LOG_LEVEL is %q: use debug, info, warn or error", level)
	}
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: threshold})
	slog.SetDefault(slog.New(handler).With("process", process))
	redis.SetLogger(redisLog{})
	return nil
}

// redisLog takes go-redis's lines, which would stand between ours as plain text.
type redisLog struct{}

func (redisLog) Printf(ctx context.Context, format string, v ...any) {
	slog.WarnContext(ctx, "redis", "detail", fmt.Sprintf(format, v...))
}
