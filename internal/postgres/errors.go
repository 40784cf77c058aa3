package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// RowsError is a guarded statement that changed another number of rows than
// its transaction had made sure of: a defect, never a race.
type RowsError struct {
	Statement string
	Want, Got int64
}

func (e *RowsError) Error() string {
	return fmt.Sprintf("%s changed %d rows instead of %d", e.Statement, e.Got, e.Want)
}

// violates reports whether err is a breach of the constraint.
func violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// IsStored reports whether a job was refused because its very id is stored.
func IsStored(err error) bool { return violates(err, "jobs_pkey") }

// IsData reports whether a statement failed because of the rows it was given
// (SQLSTATE 22 and 23): smaller groups find the row, repeating does not help.
func IsData(err error) bool {
	var rows *RowsError
	return errors.As(err, &rows) || hasClass(err, "22", "23")
}

// IsTransient reports whether the same statements may well succeed in a
// moment: deadlock, lock wait, shutdown, lost connection.
func IsTransient(err error) bool {
	return hasClass(err, "40", "53", "55", "57", "08") || IsInDoubt(err)
}

// IsAway reports whether there is no Postgres to talk to, or it goes away: no
// fault of what was asked of it.
func IsAway(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return hasClass(err, "08") || slices.Contains([]string{"57P01", "57P02", "57P03"}, pg.Code)
	}
	return IsInDoubt(err)
}

// IsInDoubt reports whether the connection broke, so that a COMMIT on its way
// may have happened: read before writing again.
func IsInDoubt(err error) bool {
	var network net.Error
	var pg *pgconn.PgError
	if err == nil || errors.As(err, &pg) && !hasClass(err, "08", "57") {
		return false
	}
	return errors.As(err, &pg) || errors.As(err, &network) || isClosed(err) ||
		errors.Is(err, context.DeadlineExceeded)
}

func hasClass(err error, classes ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && len(pg.Code) == 5 && slices.Contains(classes, pg.Code[:2])
}
