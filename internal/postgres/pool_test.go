package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"couponbook/internal/postgres"
)

// A database that cannot be used stops the start with a sentence that says
// what to do.
func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for address, want := range map[string]string{
		"not a url": "DATABASE_URL is not a connection URL",
		"postgres://x@" + closed.Addr().String() + "/y": "check DATABASE_URL and that the server runs",
		"postgres://x@" + oldServer(t) + "/y":           "is Postgres 14: use 15 or newer",
	} {
		_, err := postgres.Open(t.Context(), address+"?sslmode=disable", 2)
		require.ErrorContains(t, err, want)
	}
}

// oldServer answers like a server that is too old.
func oldServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerAsOld(conn)
		}
	}()
	return listener.Addr().String()
}

func answerAsOld(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	column := pgproto3.FieldDescription{Name: []byte("version"), DataTypeOID: 23, DataTypeSize: 4, Format: 1}
	for backend.Flush() == nil {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		switch message.(type) {
		case *pgproto3.Parse:
			backend.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Describe:
			backend.Send(&pgproto3.ParameterDescription{})
			backend.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{column}})
		case *pgproto3.Bind:
			backend.Send(&pgproto3.BindComplete{})
		case *pgproto3.Execute:
			backend.Send(&pgproto3.DataRow{Values: [][]byte{{0, 0, 0, 14}}})
			backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		case *pgproto3.Sync:
			backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		}
	}
}

// Errors are told apart by what to do about them: look for the bad row, try
// again, or look first whether it has happened.
func TestSortsOfErrors(t *testing.T) {
	t.Parallel()
	sqlstate := func(code string) error { return fmt.Errorf("insert: %w", &pgconn.PgError{Code: code}) }
	for _, c := range []struct {
		err                      error
		data, transient, inDoubt bool
	}{
		{sqlstate("23505"), true, false, false},             // unique violation
		{sqlstate("22001"), true, false, false},             // too long
		{&postgres.RowsError{Want: 1}, true, false, false},  // a guard that did not hold
		{sqlstate("40P01"), false, true, false},             // deadlock
		{sqlstate("55P03"), false, true, false},             // lock timeout
		{sqlstate("53300"), false, true, false},             // too many connections
		{sqlstate("57P01"), false, true, true},              // shutting down
		{io.ErrUnexpectedEOF, false, true, true},            // cut
		{pgconn.ErrConnClosed, false, true, true},           // cut before
		{&net.OpError{Err: io.EOF}, false, true, true},      // cut
		{context.DeadlineExceeded, false, true, true},       // gave up
		{sqlstate("42601"), false, false, false},            // a statement of ours is wrong
		{errors.New("something else"), false, false, false}, //
		{nil, false, false, false},
	} {
		require.Equal(t, c.data, postgres.IsData(c.err), "data: %v", c.err)
		require.Equal(t, c.transient, postgres.IsTransient(c.err), "transient: %v", c.err)
		require.Equal(t, c.inDoubt, postgres.IsInDoubt(c.err), "in doubt: %v", c.err)
	}
}
