package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/config"
	"couponbook/internal/coupon"
	"couponbook/internal/testdb"
)

// Seeding fills an empty database once; verify then finds nothing wrong.
func TestSeedAndVerify(t *testing.T) {
	t.Parallel()
	url := testdb.NewURL(t)
	first, err := seed(t.Context(), url)
	require.NoError(t, err)
	second, err := seed(t.Context(), url)
	require.NoError(t, err)
	require.Equal(t, first, second)
	var out bytes.Buffer
	require.NoError(t, verify(t.Context(), &out, url))
	require.Contains(t, out.String(), "0 anomalies")
}

// Verify names what is wrong and fails.
func TestVerifyFails(t *testing.T) {
	t.Parallel()
	url := testdb.NewURL(t)
	_, err := seed(t.Context(), url)
	require.NoError(t, err)
	_, err = testdb.Open(t, url).Exec(t.Context(), `UPDATE book_stock SET free = free - 1 WHERE total = 1`)
	require.NoError(t, err)
	var out bytes.Buffer
	require.ErrorIs(t, verify(t.Context(), &out, url), errAnomalies)
	require.Contains(t, out.String(), "stock counts what the coupons say: book ")
	require.Contains(t, out.String(), "1 anomalies")
}

// Migrating twice applies everything once.
func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	url := testdb.NewEmptyURL(t)
	applied, err := migrate(t.Context(), url)
	require.NoError(t, err)
	require.Positive(t, applied)
	applied, err = migrate(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, applied)
}

// A sale needs someone to ask and something to give.
func TestSaleNeedsPeople(t *testing.T) {
	t.Parallel()
	require.Error(t, flashSale(t.Context(), &bytes.Buffer{}, saleOptions{users: 0, codes: 1}, ""))
	err := flashSale(t.Context(), &bytes.Buffer{}, saleOptions{users: 1, codes: 1, url: "http://127.0.0.1:1"}, "")
	require.ErrorContains(t, err, "sign in at http://127.0.0.1:1")
}

// The faults of an account are told in words.
func TestExplain(t *testing.T) {
	t.Parallel()
	_, err := coupon.CheckAccount("nobody", "", "short")
	require.EqualError(t, explain(err), "email must be an e-mail address; password must have 10 to 200 characters")
	require.ErrorIs(t, explain(os.ErrClosed), os.ErrClosed)
}

// Without a running service and DATABASE_URL, commands say how to get one.
func TestNothingRuns(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DATABASE_URL", "")
	_, err := databaseURL()
	require.ErrorContains(t, err, "make run")

	require.NoError(t, os.Mkdir(dataDir, 0o700))
	require.NoError(t, running{URL: "u", DatabaseURL: "d"}.save())
	url, err := databaseURL()
	require.NoError(t, err)
	require.Equal(t, "d", url)
	secret, err := authSecret()
	require.NoError(t, err)
	again, err := authSecret()
	require.NoError(t, err)
	require.Equal(t, secret, again)
	info, err := os.Stat(filepath.Join(dataDir, "auth_secret"))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	env, err := crewSettings(config.Config{}, &services{})
	require.NoError(t, err)
	require.Contains(t, env, "AUTH_SECRET="+secret)
	env, err = crewSettings(config.Config{AuthSecret: secret}, &services{})
	require.NoError(t, err)
	require.NotContains(t, strings.Join(env, "\n"), "AUTH_SECRET", "the one that is set is that of the processes")
}
