// Package migrations holds the database schema as numbered goose migrations.
// A released migration is never edited; every Down is tested.
package migrations

import "embed"

// Files are the migrations, in order of their names.
//
//go:embed *.sql
var Files embed.FS
