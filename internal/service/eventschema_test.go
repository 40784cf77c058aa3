package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/httpapi"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// schemas are those of the catalogue, by type.
var schemas = sync.OnceValue(func() map[string]*jsonschema.Schema {
	compiled := map[string]*jsonschema.Schema{}
	for _, info := range coupon.EventTypes() {
		schema, err := httpapi.MessageSchema(info)
		if err != nil {
			panic(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err = compiler.AddResource(string(info.Type), schema); err != nil {
			panic(err)
		}
		compiled[string(info.Type)] = compiler.MustCompile(string(info.Type))
	}
	return compiled
})

// met are the types of events that tests have made.
var met sync.Map

// checkEvents holds every event that a test has made against the catalogue.
// At most a thousand: they repeat.
func (h *house) checkEvents(t *testing.T) {
	t.Helper()
	if t.Failed() {
		return
	}
	rows, err := h.pool.Query(context.Background(), `SELECT DISTINCT type FROM events`)
	if err != nil {
		return // the test has cut its connections
	}
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		met.Store(name, true)
	}
	page, err := h.service.Events(context.Background(), auth.Principal{UserID: uuid.New(), Role: coupon.Admin},
		service.EventFilter{After: service.FirstEvent}, 1000)
	require.NoError(t, err)
	for _, m := range page.Messages {
		fits(t, m)
	}
}

// fits checks a message against the schema of its type.
func fits(t *testing.T, message any) {
	t.Helper()
	data, err := json.Marshal(message)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	name, _ := value.(map[string]any)["type"].(string)
	schema := schemas()[name]
	require.NotNil(t, schema, "the catalogue has no %q", name)
	require.NoError(t, schema.Validate(value), "%s", data)
}

// allEvents fails a complete run in which an event of the catalogue was never
// made.
type allEvents struct{ *testing.M }

func (m allEvents) Run() int {
	ended := m.M.Run()
	if ended != 0 || flag.Lookup("test.run").Value.String() != "" {
		return ended
	}
	for name := range schemas() {
		if _, found := met.Load(name); !found {
			fmt.Fprintln(os.Stderr, "no test makes this event of the catalogue:", name)
			ended = 1
		}
	}
	return ended
}

// The events that no other test of this package makes.
func TestTheOtherEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 2, 0)
	owner, user := fixture.Owner(book), fixture.User(t, h.pool, coupon.UserRole)
	got, err := h.claim(t, user, book.ID, 1)
	require.NoError(t, err)
	h.drain(t, book.ID)
	ref := service.CouponRef(h.job(t, got.Job.ID).Coupons[0].ID.String())
	locked, err := h.till.Lock(t.Context(), user, ref, service.LockInput{})
	require.NoError(t, err)
	_, err = h.till.Lock(t.Context(), user, ref, service.LockInput{For: time.Hour, Token: locked.Token})
	require.NoError(t, err)
	_, err = h.till.Unlock(t.Context(), user, ref, service.UnlockInput{Token: locked.Token})
	require.NoError(t, err)
	for _, change := range []func(context.Context, auth.Principal, postgres.CouponRef, service.ReasonInput) (service.Outcome, error){h.till.Disable, h.till.Enable} {
		_, err = change(t.Context(), owner, ref, service.ReasonInput{Reason: "stolen"})
		require.NoError(t, err)
	}
	require.NoError(t, h.service.ArchiveBook(t.Context(), owner, book.ID))
	e, _ := h.listen(t, owner, fixture.NewReceiver(t), "*")
	_, _, err = h.webhooks.TestEndpoint(t.Context(), owner, e.ID)
	require.NoError(t, err)
	passwords, err := auth.NewPasswords()
	require.NoError(t, err)
	tokens := auth.NewTokens(fixture.Keyring(), time.Minute)
	accounts := service.NewAccounts(h.store, passwords, tokens, service.NewEndedSessions(h.store, tokens.Lives()),
		service.SessionTimes{Idle: time.Hour, Most: time.Hour})
	key, _, err := accounts.CreateAPIKey(t.Context(), owner, service.NewAPIKey{Name: "till", Scopes: []auth.Scope{auth.BooksRead}})
	require.NoError(t, err)
	_, _, err = accounts.RotateAPIKey(t.Context(), owner, key.ID, time.Hour)
	require.NoError(t, err)
	require.NoError(t, accounts.RevokeAPIKey(t.Context(), owner, key.ID))
	require.ErrorIs(t, accounts.RevokeAPIKey(t.Context(), owner, key.ID), coupon.ErrKeyNotFound)
	h.service.TellGuessing(t.Context(), user)
	_, err = accounts.Register(t.Context(), service.Account{Email: "ann@example.com", Password: "a long enough password", Role: coupon.UserRole})
	require.NoError(t, err)
	in, err := accounts.SignIn(t.Context(), "ann@example.com", "a long enough password", "")
	require.NoError(t, err)
	_, err = accounts.Refresh(t.Context(), nil, in.Refresh)
	require.NoError(t, err)
	_, err = accounts.Refresh(t.Context(), nil, in.Refresh)
	require.ErrorIs(t, err, coupon.ErrSessionEnded)
	h.settle(t)
	for _, name := range []string{
		"security.api_key_rotated", "security.code_guessing", "security.refresh_token_reused", "coupon.lock_extended", "coupon.unlocked", "coupon.disabled", "coupon.enabled", "book.archived", "webhook.test",
		"security.api_key_created", "security.api_key_revoked",
	} {
		require.Equal(t, 1, h.count(t, `SELECT count(*) FROM events WHERE type = '`+name+`'`), name)
	}
}
