package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/telemetry"
)

// The process's log is JSON lines from the level on, each with the process's
// name; a level that is none is named with those there are, and changes nothing.
// (One test: the log is the process's.)
func TestSetUpLog(t *testing.T) {
	t.Parallel()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for level, want := range map[string][]string{
		"debug": {"DEBUG", "INFO", "WARN", "ERROR"},
		"info":  {"INFO", "WARN", "ERROR"},
		"warn":  {"WARN", "ERROR"},
		"error": {"ERROR"},
		"WARN":  {"WARN", "ERROR"},
	} {
		var out bytes.Buffer
		require.NoError(t, telemetry.SetUpLog(&out, "worker", level))
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			slog.Log(t.Context(), level, "swept book", "granted", 3)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var fields struct {
				Level, Msg, Process string
				Time                time.Time
				Granted             int
			}
			require.NoError(t, json.Unmarshal([]byte(line), &fields))
			require.Equal(t, "worker", fields.Process)
			require.Equal(t, "swept book", fields.Msg)
			require.Equal(t, 3, fields.Granted)
			require.WithinDuration(t, time.Now(), fields.Time, time.Minute)
			got = append(got, fields.Level)
		}
		require.Equal(t, want, got, level)
	}

	last := slog.Default()
	for _, level := range []string{"", "verbose", "1", "info "} {
		var out bytes.Buffer
		err := telemetry.SetUpLog(&out, "worker", level)
		require.ErrorContains(t, err, "LOG_LEVEL is \""+level+"\"")
		require.ErrorContains(t, err, "use debug, info, warn or error")
		require.Same(t, last, slog.Default())
	}
}
