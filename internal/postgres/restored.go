package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// timeouts are those that migration 6 sets on the database.
var timeouts = []string{
	"statement_timeout=15s", "lock_timeout=3s", "idle_in_transaction_session_timeout=10s", "client_connection_check_interval=2s",
}

// AfterRestore makes events of a restored dump readable. Their transactions have
// numbers of the cluster they were written in; in a new one these seem to be of
// the future, and readers stop before the future. They become transactions that
// are just over, of which those who have read them know that they have. A new
// epoch begins, in which earlier places in the list of events mean nothing.
//
// A dump leaves out what is set on the database itself, too: the time-outs are set
// again.
//
// It returns how many events that was. In a database that was not restored from a
// dump, or a second time, there are none, and nothing changes.
func (s *Store) AfterRestore(ctx context.Context) (events int64, err error) {
	for _, setting := range timeouts {
		name, value, _ := strings.Cut(setting, "=")
		if _, err = s.db.Exec(ctx, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET `+name+` = %L', current_database(), '`+value+`'); END $$`); err != nil {
			return 0, err
		}
	}
	err = s.InTx(ctx, func(tx *Store) error {
		if _, err := tx.db.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		// Both cursors are held: nobody deals out or counts meanwhile.
		type places struct {
			Ahead              int64 // the first transaction that may be under way
			Restored           bool  // there are events of the future
			Webhooks, Activity int64 // how far events were read
		}
		at, err := one[places](ctx, tx.db, nil, `
			SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS ahead,
			       EXISTS (SELECT FROM events WHERE xact >= pg_snapshot_xmin(pg_current_snapshot())) AS restored,
			       w.xact::text::bigint AS webhooks, a.xact::text::bigint AS activity
			FROM webhook_cursor w, activity_cursor a FOR UPDATE`, nil)
		if err != nil || !at.Restored {
			return err
		}
		// From the last three transactions that are over, all becomes one of these:
		// what both have read, what one of them has, and what nobody has.
		first := at.Ahead - 3
		both, either := min(at.Webhooks, at.Activity), max(at.Webhooks, at.Activity)
		tag, err := tx.db.Exec(ctx, `
			UPDATE events
			SET xact = (@first + CASE WHEN xact::text::bigint <= @both THEN 0 WHEN xact::text::bigint <= @either THEN 1 ELSE 2 END)::text::xid8
			WHERE xact >= @first::bigint::text::xid8`,
			pgx.StrictNamedArgs{"first": first, "both": both, "either": either})
		if err != nil {
			return err
		}
		events = tag.RowsAffected()
		read := func(upTo int64) int64 {
			switch {
			case upTo < first:
				return upTo
			case upTo <= both:
				return first
			default:
				return first + 1
			}
		}
		_, err = tx.db.Exec(ctx, `
			WITH moved AS (UPDATE webhook_cursor SET xact = @webhooks::bigint::text::xid8),
			     counted AS (UPDATE activity_cursor SET xact = @activity::bigint::text::xid8)
			UPDATE event_epoch SET epoch = epoch + 1`,
			pgx.StrictNamedArgs{"webhooks": read(at.Webhooks), "activity": read(at.Activity)})
		return err
	})
	return events, err
}
