package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"couponbook/client"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/flashsale"
)

// listen registers a receiver as the admin's endpoint and returns its secret.
func (h *house) listen(t *testing.T, admin *client.Client, r *fixture.Receiver, events ...string) (secret string) {
	t.Helper()
	var endpoint struct {
		Secret string `json:"secret"`
	}
	require.NoError(t, admin.Do(t.Context(), http.MethodPost, "/api/v1/webhooks", map[string]any{"url": r.URL, "events": events}, &endpoint))
	return endpoint.Secret
}

// schemas are those that the catalogue of events has, by type.
func (h *house) schemas(t *testing.T, admin *client.Client) map[string]*jsonschema.Schema {
	t.Helper()
	var catalogue struct {
		Data []struct {
			Type   string `json:"type"`
			Schema any    `json:"schema"`
		} `json:"data"`
	}
	require.NoError(t, admin.Do(t.Context(), http.MethodGet, "/api/v1/event-types", nil, &catalogue))
	schemas := map[string]*jsonschema.Schema{}
	for _, info := range catalogue.Data {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		require.NoError(t, compiler.AddResource(info.Type, info.Schema))
		var err error
		schemas[info.Type], err = compiler.Compile(info.Type)
		require.NoError(t, err)
	}
	return schemas
}

// byID are the messages that have come, doubles dropped as a receiver does.
func byID(r *fixture.Receiver) map[string]fixture.Received {
	messages := map[string]fixture.Received{}
	for _, m := range r.Got() {
		if _, double := messages[m.ID]; !double {
			messages[m.ID] = m
		}
	}
	return messages
}

// A flash sale is told: one event for each accepted claim, counted by its
// customers, and one for each coupon; all signed, as the catalogue says, and
// soon: within three seconds, or, where the machine is so busy that claims wait
// longer than that themselves, no later than they. Transactions of other tests,
// which share the server, hold events back: the best of five sales tells.
func TestAFlashSaleIsTold(t *testing.T) { //nolint:paralleltest // it measures time
	h := newHouse(t, 2, 2)
	admin, _ := h.admin(t)
	r := fixture.NewReceiver(t)
	secret := h.listen(t, admin, r, "job.succeeded", "job.failed", "coupon.assigned")
	schemas := h.schemas(t, admin)
	soon := false
	for sale := 0; sale < 5 && !soon; sale++ {
		result := h.sale(t, 1000, 100)
		limit := max(3*time.Second, time.Duration(result.Outcome.P99)*time.Millisecond)
		soon = h.toldOf(t, r, schemas, result) < limit
	}
	require.True(t, soon, "the last line above says how late")
	require.Len(t, r.Got(), len(byID(r)), "without a fault there are no doubles")
	r.Verify(secret)
	h.verify(t)
}

// toldOf waits until all of a sale was told, and returns how long that took of
// all but one in a hundred messages, from event to arrival.
func (h *house) toldOf(t *testing.T, r *fixture.Receiver, schemas map[string]*jsonschema.Schema, sale flashsale.Result) time.Duration {
	t.Helper()
	require.Eventually(t, func() bool {
		return h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'succeeded' AND type LIKE 'job.%'`) > sale.Accepted &&
			h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'`) == 0 &&
			h.count(t, `SELECT count(*) FROM events WHERE xact > (SELECT xact FROM webhook_cursor)`) == 0
	}, time.Minute, 50*time.Millisecond)
	claims, assigned := 0, 0
	var late []time.Duration
	for _, m := range byID(r) {
		var told struct {
			Timestamp time.Time
			Data      struct {
				BookID uuid.UUID `json:"book_id"`
				Job    coupon.ToldJob
			}
		}
		require.NoError(t, json.Unmarshal(m.Body, &told))
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Body))
		require.NoError(t, err)
		require.NoError(t, schemas[m.Type].Validate(value), "%s", m.Body)
		switch job := told.Data.Job; {
		case m.Type == string(coupon.CouponAssigned) && told.Data.BookID == sale.BookID:
			assigned++
		case job.Kind == coupon.ClaimJob && *job.BookID == sale.BookID:
			claims++
		default:
			continue
		}
		late = append(late, m.At.Sub(told.Timestamp))
	}
	require.Equal(t, sale.Accepted, claims)
	require.Equal(t, 100, assigned)
	slices.Sort(late)
	p99 := late[len(late)*99/100]
	t.Logf("%d accepted claims, %d messages, %d groups of attempts; from event to arrival p50 %s, p99 %s", sale.Accepted, len(late),
		h.count(t, `SELECT count(DISTINCT xmin::text) FROM webhook_attempts`), late[len(late)/2], p99)
	return p99
}

// Workers are killed while they deliver: every event arrives, whatever came
// twice is known by its webhook-id, and the log says that all arrived.
func TestKilledWhileDelivering(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, _ := h.admin(t)
	r := fixture.NewReceiver(t)
	r.Answer = func(http.ResponseWriter, *http.Request, int) { <-time.After(2 * time.Millisecond) } // there is time for the kills
	secret := h.listen(t, admin, r, "book.paused")
	book, err := admin.NewBook(t.Context(), "Told", 1, nil)
	require.NoError(t, err)
	const events, kills = 3000, 5
	_, err = h.pool.Exec(t.Context(), `
		INSERT INTO events (type, book_id, created_at) SELECT 'book.paused', $1, clock_timestamp() FROM generate_series(1, $2)`, book, events)
	require.NoError(t, err)
	for kill := range kills {
		require.Eventually(t, func() bool { return len(byID(r)) > (kill+1)*events/(kills+2) }, 2*time.Minute, time.Millisecond)
		h.workers[len(h.workers)-1].kill(t)
		// A lease lasts for twenty seconds; here nobody waits for that.
		_, err = h.pool.Exec(t.Context(), `UPDATE webhook_endpoints SET leased_until = clock_timestamp()`)
		require.NoError(t, err)
		h.launchWorkers(t, 1)
	}
	require.Eventually(t, func() bool {
		return h.count(t, `SELECT count(*) FROM webhook_deliveries WHERE status = 'succeeded'`) == events
	}, 2*time.Minute, 50*time.Millisecond)
	require.Len(t, byID(r), events, "none is lost")
	require.Less(t, len(r.Got()), events+kills*300, "and few come twice")
	t.Logf("%d events, %d requests", events, len(r.Got()))
	r.Verify(secret)
	h.verify(t)
}

// Endpoints that are dead or slow do not delay the others: the messages to a
// fast one take at most twice as long beside a slow one as alone, or are quick
// enough for that not to matter.
func TestAFastEndpointBesideASlowOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, _ := h.admin(t)
	fast, slow := fixture.NewReceiver(t), fixture.NewReceiver(t)
	slow.Answer = func(_ http.ResponseWriter, request *http.Request, _ int) {
		select {
		case <-request.Context().Done():
		case <-time.After(3 * time.Second):
		}
	}
	book, err := admin.NewBook(t.Context(), "Told", 1, nil)
	require.NoError(t, err)
	h.listen(t, admin, fast, "book.paused")
	round := func() time.Duration {
		before := len(fast.Got())
		for range 50 {
			_, err := h.pool.Exec(t.Context(), `INSERT INTO events (type, book_id, created_at) VALUES ('book.paused', $1, clock_timestamp())`, book)
			require.NoError(t, err)
			<-time.After(20 * time.Millisecond)
		}
		require.Eventually(t, func() bool { return len(fast.Got()) == before+50 }, time.Minute, 10*time.Millisecond)
		var late []time.Duration
		for _, m := range fast.Got()[before:] {
			var told coupon.Message
			require.NoError(t, json.Unmarshal(m.Body, &told))
			late = append(late, m.At.Sub(told.Timestamp))
		}
		return slices.Max(late)
	}
	best := func() time.Duration { return min(round(), round(), round()) } // other tests run beside this one
	alone := best()
	h.listen(t, admin, slow, "book.paused")
	beside := best()
	t.Logf("the latest of fifty: %s alone, %s beside a slow endpoint", alone, beside)
	require.Less(t, beside, max(2*alone, time.Second)) // the slow one takes three
}
