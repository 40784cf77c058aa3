package devservices

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	databaseName = "couponbook"
	databaseUser = "couponbook"
)

// launch prepares the server of the cluster. What the product needs of a
// session, such as its timeouts, is set by migrations, as on any server.
func (c cluster) launch(user identity, programs binaries, o PostgresOptions) launch {
	connections := o.MaxConnections
	if connections == 0 {
		connections = 200
	}
	settings := []string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=", // a path may be too long for one, and the loopback suffices
		"max_connections=" + strconv.Itoa(connections),
		"shared_buffers=256MB",
		"max_wal_size=2GB",
		"checkpoint_timeout=15min",
		"logging_collector=off", // the log is our file, its standard error
		"log_line_prefix=%m [%p] %q%a ",
	}
	if o.Fast {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	return launch{
		name: "postgres",
		dir:  c.dir,
		command: func(ctx context.Context, port int) *exec.Cmd {
			args := []string{"-D", c.data(), "-p", strconv.Itoa(port)}
			for _, setting := range settings {
				args = append(args, "-c", setting)
			}
			return user.command(ctx, filepath.Join(programs.dir, "postgres"), args...)
		},
		// Only our server knows our password, so an answer is from ours.
		ready: func(ctx context.Context, _, port int) error {
			return c.query(ctx, port, func(context.Context, *pgx.Conn) error { return nil })
		},
		ladder:   postgresLadder,
		patience: startPatience,
	}
}

func (c cluster) url(port int, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(databaseUser, c.password),
		Host:     address(port),
		Path:     database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// ensureDatabase creates the product's database unless it is there.
func (c cluster) ensureDatabase(ctx context.Context, port int) error {
	err := c.query(ctx, port, func(ctx context.Context, conn *pgx.Conn) error {
		var exists bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, databaseName).Scan(&exists)
		if err != nil || exists {
			return err
		}
		_, err = conn.Exec(ctx, `CREATE DATABASE `+databaseName)
		return err
	})
	if err != nil {
		return fmt.Errorf("create database %s: %w", databaseName, err)
	}
	return nil
}

// query works on a short connection to the maintenance database.
func (c cluster) query(ctx context.Context, port int, work func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url(port, "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // the work is done, or its error is told
	return work(ctx, conn)
}

// endLeftoverPostgres stops servers that a killed run left on the clusters
// below home, of any major version.
func endLeftoverPostgres(home string, log io.Writer) error {
	clusters, err := fs.Glob(os.DirFS(home), "pg*/data")
	if err != nil {
		return fmt.Errorf("look for servers left over: %w", err)
	}
	for _, relative := range clusters {
		data := filepath.Join(home, relative)
		found, err := endLeftover(filepath.Join(data, "postmaster.pid"), "-D", data, postgresLadder...)
		if err != nil {
			return err
		}
		if found {
			say(log, "postgres: stopped the server that a killed run left on %s", data)
		}
	}
	return nil
}
