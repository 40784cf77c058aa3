package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/postgres"
	"couponbook/internal/testdb"
)

func migrator(t *testing.T, pool *pgxpool.Pool) *postgres.Migrator {
	t.Helper()
	m, err := postgres.NewMigrator(pool)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// Up, down and up again: every Down takes back what its Up made, and nothing
// of ours is left.
func TestUpDownUp(t *testing.T) {
	t.Parallel()
	pool := testdb.Open(t, testdb.NewEmptyURL(t))
	m := migrator(t, pool)
	require.ErrorIs(t, m.Check(t.Context()), postgres.ErrSchema, "an empty database has migrations pending")
	tables := func() (n int) {
		err := pool.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT LIKE 'goose%'`).Scan(&n)
		require.NoError(t, err)
		return n
	}
	applied, err := m.Up(t.Context())
	require.NoError(t, err)
	require.Positive(t, applied)
	require.NoError(t, m.Check(t.Context()))
	made := tables()
	require.NoError(t, m.DownAll(t.Context()))
	require.Zero(t, tables())
	again, err := m.Up(t.Context())
	require.NoError(t, err)
	require.Equal(t, applied, again)
	require.Equal(t, made, tables())
	applied, err = m.Up(t.Context())
	require.NoError(t, err)
	require.Zero(t, applied, "nothing is applied twice")
}

// A newer schema serves this program until it says otherwise; then it is refused,
// by check and by migrate alike.
func TestANewerSchema(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	require.NoError(t, err)
	m := migrator(t, pool)
	require.NoError(t, m.Check(t.Context()))
	applied, err := m.Up(t.Context())
	require.NoError(t, err)
	require.Zero(t, applied)
	_, err = pool.Exec(t.Context(), `UPDATE schema_floor SET version = 99999`)
	require.NoError(t, err)
	err = m.Check(t.Context())
	require.ErrorIs(t, err, postgres.ErrSchema)
	require.ErrorContains(t, err, "use a newer program")
	_, err = m.Up(t.Context())
	require.ErrorIs(t, err, postgres.ErrSchema)
}

// Two programs that migrate at once take turns.
func TestTwoMigrateAtOnce(t *testing.T) {
	t.Parallel()
	pool := testdb.Open(t, testdb.NewEmptyURL(t))
	errs := make(chan error, 2)
	for range 2 {
		m := migrator(t, pool)
		go func() {
			_, err := m.Up(t.Context())
			errs <- err
		}()
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.NoError(t, migrator(t, pool).Check(t.Context()))
}

// The time limits that free a dead worker's locks are set on the database.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	address := testdb.NewEmptyURL(t)
	_, err := migrator(t, testdb.Open(t, address)).Up(t.Context())
	require.NoError(t, err)
	pool := testdb.Open(t, address) // the settings hold for new connections
	for setting, want := range map[string]string{
		"statement_timeout": "15s", "lock_timeout": "3s",
		"idle_in_transaction_session_timeout": "10s", "client_connection_check_interval": "2s",
	} {
		var got string
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
}
