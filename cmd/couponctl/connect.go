package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"couponbook/internal/config"
	"couponbook/internal/postgres"
)

// dataDir is where `couponctl dev` keeps everything.
const dataDir = ".data"

// running is what a running `couponctl dev` tells other commands.
type running struct {
	URL         string `json:"url"`
	DatabaseURL string `json:"database_url"`
	RedisURL    string `json:"redis_url"`
}

func runningFile() string { return filepath.Join(dataDir, "running.json") }

// findRunning reads what a `couponctl dev` in this directory left.
func findRunning() (running, error) {
	var r running
	data, err := os.ReadFile(runningFile())
	if errors.Is(err, os.ErrNotExist) {
		return r, errors.New("no service runs from this directory: start one with `make run`")
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

func (r running) save() error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(runningFile(), data, 0o600)
}

// databaseURL is DATABASE_URL, or the database of a running `couponctl dev`.
func databaseURL() (string, error) {
	cfg, err := config.ReadTool()
	if err != nil || cfg.DatabaseURL != "" {
		return cfg.DatabaseURL, err
	}
	r, err := findRunning()
	if err != nil {
		return "", fmt.Errorf("set DATABASE_URL, or: %w", err)
	}
	return r.DatabaseURL, nil
}

// withDatabase runs work on a small pool.
func withDatabase(ctx context.Context, url string, work func(*pgxpool.Pool) error) error {
	pool, err := postgres.Open(ctx, url, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	return work(pool)
}
