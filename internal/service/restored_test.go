package service_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/migrations"
)

// In a database that was restored from a dump, transactions have numbers that
// seem to be of the future. Afterwards every event is listed as before, what had
// not been dealt out is dealt out, and only that; a place from before is refused.
func TestEventsOfARestoredDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 1, 0)
	admin := fixture.User(t, h.pool, coupon.Admin)
	e, _ := h.listen(t, admin, fixture.NewReceiver(t), "book.paused")
	filter := service.EventFilter{After: service.FirstEvent, Types: []string{"book.paused"}}
	h.tell(t, book, 3)
	h.dispatch(t, 3)
	h.tell(t, book, 2)
	var before []string
	var place service.EventPlace
	require.Eventually(t, func() bool { // other tests' transactions hold them back
		before, place = h.follow(t, admin, filter)
		return len(before) == 5
	}, time.Minute, 20*time.Millisecond)
	untouched, err := h.store.AfterRestore(t.Context())
	require.NoError(t, err)
	require.Zero(t, untouched, "nothing was restored")

	for _, table := range []string{"events", "webhook_cursor", "activity_cursor"} {
		_, err = h.pool.Exec(t.Context(), `UPDATE `+table+` SET xact = (xact::text::bigint + 4000000000)::text::xid8`)
		require.NoError(t, err)
	}
	hidden, _ := h.follow(t, admin, filter)
	require.Empty(t, hidden)
	made, err := h.store.AfterRestore(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, h.count(t, `SELECT count(*) FROM events`), made)
	after, _ := h.follow(t, admin, filter)
	require.Equal(t, before, after)
	h.dispatch(t, 5)
	require.Equal(t, 5, h.deliver(t, e).Delivered)

	filter.After = place
	_, err = h.service.Events(t.Context(), admin, filter, 7)
	require.ErrorIs(t, err, coupon.ErrEventsRestored)
	again, err := h.store.AfterRestore(t.Context())
	require.NoError(t, err)
	require.Zero(t, again)
	h.tell(t, book, 1)
	h.dispatch(t, 6)
}

// The numbers of the lost cluster lie partly before and partly after those of the
// new one. Wherever the border fell, what was read counts as read, and no more.
func TestEventsAtTheBorderOfARestoredDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.tell(t, fixture.Book(t, h.pool, 1, 0), 40)
	for i := range 40 {
		_, err := h.pool.Exec(t.Context(), `
			WITH old AS (
				SELECT id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 20 + row_number() OVER (ORDER BY id) AS xact FROM events),
			webhooks AS (UPDATE webhook_cursor SET xact = (SELECT xact FROM old ORDER BY id OFFSET $1 LIMIT 1)::text::xid8),
			activity AS (UPDATE activity_cursor SET xact = (SELECT xact FROM old ORDER BY id OFFSET $2 LIMIT 1)::text::xid8)
			UPDATE events SET xact = old.xact::text::xid8 FROM old WHERE events.id = old.id`, i, (i*i)%40)
		require.NoError(t, err)
		const state = `
			SELECT (SELECT count(*) FROM events, webhook_cursor w WHERE events.xact <= w.xact) AS dealt_out,
			       (SELECT count(*) FROM events, activity_cursor a WHERE events.xact <= a.xact) AS counted`
		var before, after struct{ dealtOut, counted int }
		require.NoError(t, h.pool.QueryRow(t.Context(), state).Scan(&before.dealtOut, &before.counted))
		_, err = h.store.AfterRestore(t.Context())
		require.NoError(t, err)
		require.NoError(t, h.pool.QueryRow(t.Context(), state).Scan(&after.dealtOut, &after.counted))
		require.Equal(t, before, after, i)
		require.Zero(t, h.count(t, `SELECT count(*) FROM events WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())`))
	}
}

// A dump has nothing of what migrations set on the database itself.
func TestTimeoutsOfARestoredDatabase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := h.store.AfterRestore(t.Context())
	require.NoError(t, err)
	migration, err := migrations.Files.ReadFile("00006_timeouts.sql")
	require.NoError(t, err)
	wanted := regexp.MustCompile(`'(\w+) = \'\'(\w+)\'\''`).FindAllStringSubmatch(string(migration), -1)
	require.Len(t, wanted, 4)
	for _, setting := range wanted {
		require.Equal(t, 1, h.count(t, `
			SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND '`+setting[1]+`=`+setting[2]+`' = ANY(setconfig)`), setting[0])
	}
}
