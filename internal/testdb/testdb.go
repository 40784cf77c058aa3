// Package testdb gives each test a Postgres database of its own, cloned from a
// migrated template. Tests only.
package testdb

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/postgres"
	"couponbook/migrations"
)

// connections is how many a test's pool opens at most: clones multiply them.
const connections = 8

// New returns a pool on a database that this test has for itself. Without a
// server the test fails: it never skips.
func New(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return Open(tb, NewURL(tb))
}

// Open returns another pool on a test's database.
func Open(tb testing.TB, address string) *pgxpool.Pool {
	tb.Helper()
	pool, err := postgres.Open(context.Background(), address, connections)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// NewURL returns the URL of a database that this test has for itself.
func NewURL(tb testing.TB) string {
	tb.Helper()
	return clone(tb, template(tb))
}

// NewEmptyURL returns the URL of a database without a schema.
func NewEmptyURL(tb testing.TB) string {
	tb.Helper()
	return clone(tb, "template1")
}

func server(tb testing.TB) string {
	tb.Helper()
	address := os.Getenv("DATABASE_URL")
	if address == "" {
		require.FailNow(tb, "DATABASE_URL is not set: run `make test`, or `go run ./cmd/couponctl services -- go test ./...`")
	}
	return address
}

func clone(tb testing.TB, from string) string {
	tb.Helper()
	name := "test_" + strings.ToLower(rand.Text()[:16])
	run(tb, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, from))
	tb.Cleanup(func() { run(tb, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)) })
	return withName(tb, name)
}

// template makes the migrated database that tests are cloned from, once for
// each state of the migrations, whatever processes test at the same time.
func template(tb testing.TB) string {
	tb.Helper()
	made.once.Do(func() { made.name, made.err = makeTemplate(server(tb)) })
	require.NoError(tb, made.err)
	return made.name
}

var made struct {
	once sync.Once
	name string
	err  error
}

func makeTemplate(address string) (name string, err error) {
	ctx := context.Background()
	if name, err = templateName(); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	// Test processes run side by side: the first makes it, the others wait.
	if _, err = conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext('couponbook test template'))`); err != nil {
		return "", err
	}
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	if _, err = conn.Exec(ctx, "CREATE DATABASE "+name+"_making"); err != nil {
		return "", err
	}
	if err = migrate(ctx, rename(address, name+"_making")); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s_making RENAME TO %s", name, name))
	return name, err
}

func templateName() (string, error) {
	hash := sha256.New()
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		data, err := fs.ReadFile(migrations.Files, file)
		if err != nil {
			return "", err
		}
		hash.Write(data)
	}
	return "template_" + hex.EncodeToString(hash.Sum(nil))[:16], nil
}

func migrate(ctx context.Context, address string) error {
	pool, err := postgres.Open(ctx, address, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := postgres.NewMigrator(pool)
	if err != nil {
		return err
	}
	_, err = migrator.Up(ctx)
	return errors.Join(err, migrator.Close())
}

// run executes a statement on the server, on a connection of its own.
func run(tb testing.TB, sql string) {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server(tb))
	require.NoError(tb, err)
	_, err = conn.Exec(ctx, sql)
	require.NoError(tb, errors.Join(err, conn.Close(ctx)))
}

func withName(tb testing.TB, name string) string {
	tb.Helper()
	return rename(server(tb), name)
}

func rename(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // pgx says what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}
