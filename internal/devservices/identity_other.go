//go:build !linux

package devservices

import (
	"context"
	"errors"
	"os"
)

// choosePostgresUser is the caller. Becoming somebody else is worked out only
// for Linux, where containers make root the usual user.
func choosePostgresUser(_ context.Context, _ machine, dir string) (identity, error) {
	if os.Geteuid() == 0 {
		return identity{}, errors.New("leave root for Postgres: it refuses to run as root: run as an ordinary user, or set DATABASE_URL to a server")
	}
	return identity{home: dir, owner: keepOwner}, nil
}
