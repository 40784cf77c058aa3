//go:build long

package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/testdb"
)

// With a million events and two million deliveries, most of them done, many
// waiting for an endpoint that is paused, whatever a worker asks ten times a
// second or a page of the app shows takes no longer than with few.
func TestAMillionDeliveries(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	book := fixture.Book(t, pool, 0, 0)
	admin := fixture.User(t, pool, coupon.Admin)
	endpoint := func(status string) uuid.UUID {
		e, err := store.AddEndpoint(t.Context(), coupon.Endpoint{ID: uuid.New(), OwnerID: admin.UserID, URL: "https://8.8.8.8/", Events: []string{"*"}}, make([]byte, 32))
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `UPDATE webhook_endpoints SET status = $2, disabled_at = CASE $2 WHEN 'disabled' THEN now() END,
			disabled_reason = CASE $2 WHEN 'disabled' THEN 'gone' END WHERE id = $1`, e.ID, status)
		require.NoError(t, err)
		return e.ID
	}
	busy, paused := endpoint("enabled"), endpoint("paused")
	endpoint("disabled")
	_, err := pool.Exec(t.Context(), `SET statement_timeout = 0`)
	require.NoError(t, err)
	for range 100 { // transactions of their own
		_, err = pool.Exec(t.Context(), `
			WITH told AS (
				INSERT INTO events (type, book_id, created_at) SELECT 'book.paused', $1, clock_timestamp() FROM generate_series(1, 10000) RETURNING id)
			INSERT INTO webhook_deliveries (endpoint_id, event_id, last_event_id, events, type, event_at, next_attempt_at, status, ended_at)
			SELECT e, id, id, 1, 'book.paused', now(), now(), CASE WHEN e = $3 OR id % 10000 = 0 THEN 'pending' ELSE 'succeeded' END,
			       CASE WHEN e <> $3 AND id % 10000 > 0 THEN now() END
			FROM told, unnest(ARRAY[$2, $3]::uuid[]) AS e`, book.ID, busy, paused)
		require.NoError(t, err)
	}
	_, err = pool.Exec(t.Context(), `VACUUM ANALYZE events, webhook_deliveries`)
	require.NoError(t, err)
	due, err := store.DueDeliveries(t.Context(), busy, 50)
	require.NoError(t, err)
	require.Len(t, due, 50)
	ids := make([]int64, len(due))
	for i, d := range due {
		ids[i] = d.ID
	}
	span, ok, err := store.NextEvents(t.Context(), 2000)
	require.NoError(t, err)
	require.True(t, ok)
	succeeded, failed := coupon.DeliverySucceeded, coupon.DeliveryFailed
	for name, look := range map[string]func(ctx context.Context) error{
		"what is due": func(ctx context.Context) error { _, err := store.DueDeliveries(ctx, busy, 200); return err },
		"events of deliveries": func(ctx context.Context) error {
			told, err := store.EventsOf(ctx, ids)
			require.Len(t, told, 50)
			return err
		},
		"who is ready":   func(ctx context.Context) error { _, err := store.ReadyEndpoints(ctx); return err },
		"what to cancel": func(ctx context.Context) error { _, err := store.CancelDeliveries(ctx, 1000); return err },
		"what to forget": func(ctx context.Context) error { _, err := store.DropDeliveries(ctx, time.Hour, 1000); return err },
		"list, all": func(ctx context.Context) error {
			_, err := store.Deliveries(ctx, busy, postgres.DeliveryFilter{}, 50)
			return err
		},
		"list, succeeded": func(ctx context.Context) error {
			_, err := store.Deliveries(ctx, busy, postgres.DeliveryFilter{Status: &succeeded}, 50)
			return err
		},
		"list, failed": func(ctx context.Context) error {
			_, err := store.Deliveries(ctx, busy, postgres.DeliveryFilter{Status: &failed}, 50)
			return err
		},
		"the next events": func(ctx context.Context) error { _, _, err := store.NextEvents(ctx, 1); return err },
		"the first events": func(ctx context.Context) error {
			_, err := store.EventsAfter(ctx, postgres.EventFilter{After: postgres.EventPlace{Xact: "0"}}, 100)
			return err
		},
	} {
		best := time.Hour
		for range 5 {
			began := time.Now()
			require.NoError(t, look(t.Context()), name)
			best = min(best, time.Since(began))
		}
		t.Logf("%s: %s", name, best)
		require.Less(t, best, 60*time.Millisecond, name)
	}
	began := time.Now()
	_, err = store.FanOut(t.Context(), span)
	require.NoError(t, err)
	t.Logf("dealing 10,000 events out to two endpoints that have them: %s", time.Since(began))
	require.Less(t, time.Since(began), 3*time.Second)
	began = time.Now()
	var last time.Time
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT max(created_at) FROM events`).Scan(&last))
	_, err = pool.Exec(t.Context(), `UPDATE webhook_cursor SET xact = (SELECT max(xact) FROM events)`)
	require.NoError(t, err)
	recent := postgres.TimeSpan{From: last.Add(-time.Millisecond), To: last.Add(time.Second)}
	_, in, err := store.EventsWithin(t.Context(), recent)
	require.NoError(t, err)
	_, err = store.Replay(t.Context(), busy, recent, in, 2000)
	require.NoError(t, err)
	t.Logf("a replay of the last moment: %s", time.Since(began))
	require.Less(t, time.Since(began), 2*time.Second)
}
