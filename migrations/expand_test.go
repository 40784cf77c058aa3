package migrations_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/migrations"
)

// harmful is what takes something away from the programs of the release before,
// or keeps them from a table for long.
var harmful = map[string]*regexp.Regexp{
	"drops something":              regexp.MustCompile(`(?i)\bDROP\s+(TABLE|COLUMN|CONSTRAINT|INDEX|FUNCTION|TYPE)\b`),
	"renames something":            regexp.MustCompile(`(?i)\bRENAME\s+(TO|COLUMN|CONSTRAINT)\b`),
	"changes a type":               regexp.MustCompile(`(?i)\bALTER\s+COLUMN\s+\w+\s+TYPE\b`),
	"forbids null":                 regexp.MustCompile(`(?i)\bSET\s+NOT\s+NULL\b`),
	"builds an index under a lock": regexp.MustCompile(`(?i)\bCREATE\s+(UNIQUE\s+)?INDEX\s+(?:[^C]|C[^O])`),
}

// settled are the migrations of before the first release.
const settled = 22

// A release's programs work with the schema of the next one: migrations only add,
// and do not lock. One that does take something away comes a release later, and
// raises schema_floor, so that older programs refuse it.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, wrongs("ALTER TABLE jobs DROP COLUMN total;"))
	require.NotEmpty(t, wrongs("ALTER TABLE jobs ALTER COLUMN total TYPE bigint;"))
	require.NotEmpty(t, wrongs("CREATE INDEX jobs_x ON jobs (id);"))
	require.Empty(t, wrongs("CREATE INDEX CONCURRENTLY jobs_x ON jobs (id);"))
	require.Empty(t, wrongs("ALTER TABLE jobs ADD COLUMN x integer;"))
	require.Empty(t, wrongs("ALTER TABLE jobs DROP COLUMN total; UPDATE schema_floor SET version = 30;"))
	names, err := fs.Glob(migrations.Files, "*.sql")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), settled)
	for _, name := range names[settled:] {
		text, err := migrations.Files.ReadFile(name)
		require.NoError(t, err)
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		require.Empty(t, wrongs(up), name)
	}
}

func wrongs(up string) (found []string) {
	if strings.Contains(up, "UPDATE schema_floor") {
		return nil
	}
	for what, pattern := range harmful {
		if pattern.MatchString(up) {
			found = append(found, what)
		}
	}
	return found
}
