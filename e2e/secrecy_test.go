package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/internal/showcase"
)

// No code, in any spelling, gets into a log or into Redis, whatever is done
// with it; not even with the most talkative log.
func TestCodesStayOutOfLogsAndTasks(t *testing.T) {
	t.Setenv("LOG_LEVEL", "debug")
	h := newHouse(t, 1, 1)
	admin, guest := h.admin(t)
	failed, err := showcase.Play(t.Context(), io.Discard, guest, admin)
	require.NoError(t, err)
	require.Zero(t, failed)
	book, err := admin.NewBook(t.Context(), "Codes", 20, nil)
	require.NoError(t, err)
	path := "/api/v1/books/" + book.String()
	upload := map[string]any{"codes": []any{"SECRET-UPLOADED-1", "SECRET-UPLOADED-1", "SECRET BAD ROW", map[string]any{"code": "SECRET-UPLOADED-2", "user": "nobody"}}}
	wait := client.Header{Name: "Prefer", Value: "wait=10"}
	for _, call := range []struct {
		method, path string
		body         any
		refused      bool
	}{
		{http.MethodPost, path + "/codes/upload", upload, false},
		{http.MethodPost, path + "/coupons", map[string]any{"code": "SECRET-ADDED-1"}, false},
		{http.MethodPost, path + "/coupons", map[string]any{"code": "secret-added-1"}, true},
		{http.MethodPost, path + "/coupons", map[string]any{"code": "SECRET BAD CODE"}, true},
		{http.MethodPost, path + "/codes/export", map[string]any{"prefix": "SECRET-ADDED-1"}, false},
		{http.MethodGet, "/api/v1/coupons/SECRET-ADDED-1", nil, false},
		{http.MethodGet, "/api/v1/coupons/SECRET-UNKNOWN-1", nil, true},
		{http.MethodPost, "/api/v1/coupons/SECRET-ADDED-1/disable", map[string]any{"reason": "r"}, false},
		{http.MethodPost, "/api/v1/coupons/SECRET-ADDED-1/lock", map[string]any{}, true},
		{http.MethodGet, path + "/coupons?prefix=SECRET-UPLOADED-1", nil, false},
	} {
		err := admin.Do(t.Context(), call.method, call.path, call.body, nil, wait)
		require.Equal(t, call.refused, err != nil, "%s: %v", call.path, err)
	}

	var codes []string
	rows, err := h.pool.Query(t.Context(), `SELECT code FROM coupons UNION SELECT normalised FROM coupons UNION SELECT lower(code) FROM coupons`)
	require.NoError(t, err)
	for rows.Next() {
		var code string
		require.NoError(t, rows.Scan(&code))
		codes = append(codes, code)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, len(codes), 60)
	codes = append(codes, "SECRET")
	for name, text := range map[string]string{"the API's log": read(t, h.apis[0].log), "the worker's log": read(t, h.workers[0].log), "Redis": inRedis(t, h.redis.URL)} {
		require.Contains(t, text, book.String()[:8], "%s says nothing at all", name)
		for _, code := range codes {
			require.NotContains(t, text, code, name)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// inRedis is all that a Redis has, as text.
func inRedis(t *testing.T, url string) string {
	t.Helper()
	options, err := redis.ParseURL(url)
	require.NoError(t, err)
	db := redis.NewClient(options)
	t.Cleanup(func() { _ = db.Close() })
	var all strings.Builder
	found := db.Scan(t.Context(), 0, "*", 1000).Iterator()
	for found.Next(t.Context()) {
		key := found.Val()
		fmt.Fprintln(&all, key, valueOf(t.Context(), db, key))
	}
	require.NoError(t, found.Err())
	return all.String()
}

func valueOf(ctx context.Context, db *redis.Client, key string) any {
	switch db.Type(ctx, key).Val() {
	case "hash":
		return db.HGetAll(ctx, key).Val()
	case "list":
		return db.LRange(ctx, key, 0, -1).Val()
	case "set":
		return db.SMembers(ctx, key).Val()
	case "zset":
		return db.ZRange(ctx, key, 0, -1).Val()
	default:
		return db.Get(ctx, key).Val()
	}
}
