package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
)

// usedBook is a database in which things have happened: ten coupons, of which
// eight are granted, one of them chosen, to people who may have two; two refusals; two redemptions,
// one of them rolled back; one coupon locked, one revoked, one expired; one claim waits.
// Another book's coupons were distributed to a pool, of which one member is disabled.
func usedBook(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 10, 2)
	users := fixture.Users(t, pool, 5)
	fixture.Queued(t, pool, book.ID, users, 1)
	fixture.Queued(t, pool, book.ID, users[:2], 1)
	fixture.Queued(t, pool, book.ID, users[:2], 1)
	drainer := fixture.Drainer(postgres.NewStore(pool), fixture.Open{}, &fixture.Queue{})
	done, err := drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.Equal(t, service.Drained{Granted: 7, Refused: 2}, done)
	var free uuid.UUID
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT id FROM coupons WHERE state = 'UNASSIGNED' LIMIT 1`).Scan(&free))
	fixture.QueuedAssign(t, pool, book, users[2], free)
	_, err = drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	fixture.Queued(t, pool, book.ID, users[4:], 1)
	useCoupons(t, pool, book, users)
	_, err = pool.Exec(t.Context(), `
		WITH over AS (UPDATE coupons SET state = 'EXPIRED' WHERE id = (
			SELECT id FROM coupons WHERE state = 'UNASSIGNED' AND event_seq = 0 LIMIT 1)),
		     less AS (UPDATE book_stock SET free = free - 1),
		     counted AS (INSERT INTO book_stats (book_id, shard, expired) SELECT book_id, 99, 1 FROM book_stock)
		UPDATE books SET ends_at = clock_timestamp()`)
	require.NoError(t, err)
	distribute(t, pool)
	claimTogether(t, pool)
	deliver(t, pool)
	fixture.CountActivity(t, pool)
	fixture.Verify(t, pool)
	return pool
}

// deliver sends a test to an endpoint.
func deliver(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	webhooks := service.NewWebhooks(service.New(postgres.NewStore(pool), &fixture.Queue{}), fixture.Sender(t))
	admin := fixture.User(t, pool, coupon.Admin)
	e, _, err := webhooks.CreateEndpoint(t.Context(), admin, coupon.EndpointSettings{URL: fixture.NewReceiver(t).URL, Events: []string{"*"}})
	require.NoError(t, err)
	delivery, _, err := webhooks.TestEndpoint(t.Context(), admin, e.ID)
	require.NoError(t, err)
	require.Equal(t, coupon.DeliverySucceeded, delivery.Status)
}

// useCoupons redeems the first two people's first coupons, takes the second
// use back, locks the third's, disables and enables the fourth's, and revokes it.
func useCoupons(t *testing.T, pool *pgxpool.Pool, book coupon.Book, users []auth.Principal) {
	t.Helper()
	store := postgres.NewStore(pool)
	till := service.NewTill(store, auth.NewLockTokens(fixture.Keyring()))
	_, err := pool.Exec(t.Context(), `UPDATE books SET rollback_window = '1 hour'`)
	require.NoError(t, err)
	var last service.Outcome
	for i, user := range users[:4] {
		held, err := store.CouponsOf(t.Context(), user.UserID, coupon.HeldFilter{}, 1)
		require.NoError(t, err)
		ref := service.CouponRef(held[0].Coupon.ID.String())
		if i == 3 {
			for _, change := range []service.StaffChange{till.Disable, till.Enable, till.Revoke} {
				_, err = change(t.Context(), fixture.Owner(book), ref, service.ReasonInput{Reason: "by mistake"})
				require.NoError(t, err)
			}
			break
		}
		lock, err := till.Lock(t.Context(), user, ref, service.LockInput{})
		require.NoError(t, err)
		if i < 2 {
			last, err = till.Redeem(t.Context(), user, ref, service.RedeemInput{Token: lock.Token})
			require.NoError(t, err)
		}
	}
	_, err = till.RollBack(t.Context(), fixture.Owner(book), last.Redemption.ID, service.ReasonInput{Reason: "sent back"})
	require.NoError(t, err)
}

// claimTogether claims for three people as a batch, of whom one has his share
// already; a second batch waits.
func claimTogether(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	book := fixture.Book(t, pool, 5, 1)
	s := service.New(postgres.NewStore(pool), &fixture.Queue{})
	in := service.ClaimBatchRequest{BookID: book.ID}
	for i, user := range fixture.Users(t, pool, 2) {
		for _, n := range []string{"a", "b"}[:2-i] {
			in.Items = append(in.Items, service.ClaimItem{ItemID: user.UserID.String() + n, For: coupon.UserRef{ID: &user.UserID}, Count: 1})
		}
	}
	for range 2 {
		_, err := s.SubmitClaimBatch(t.Context(), fixture.Owner(book), in)
		require.NoError(t, err)
		if in.Items[0].ItemID != "waits" {
			_, err = fixture.Drainer(postgres.NewStore(pool), fixture.Open{}, &fixture.Queue{}).Drain(t.Context(), book.ID)
			require.NoError(t, err)
		}
		in.Items[0].ItemID = "waits"
	}
	s.Close()
}

// distribute gives two of three people of a pool a coupon of a new book.
func distribute(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	book := fixture.Book(t, pool, 3, 0)
	users := fixture.Users(t, pool, 3)
	_, err := pool.Exec(t.Context(), `UPDATE users SET disabled_at = now() WHERE id = $1`, users[0].UserID)
	require.NoError(t, err)
	s := service.New(postgres.NewStore(pool), &fixture.Queue{})
	submitted, err := s.SubmitDistribution(t.Context(), fixture.Owner(book), service.DistributionRequest{
		PoolID: fixture.Pool(t, pool, fixture.Owner(book), users).ID, BookID: book.ID,
		Terms: coupon.DistributionTerms{Mode: coupon.EqualMode, PerUser: 1, OnShortage: coupon.FailOnShortage},
	})
	require.NoError(t, err)
	_, err = s.Distribute(t.Context(), submitted.Job.ID)
	require.NoError(t, err)
	s.Close()
}

// Every check of verify names the corruption that it is there for.
func TestVerifyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const (
		won  = `(SELECT id FROM jobs WHERE kind = 'claim' AND status = 'succeeded' ORDER BY seq LIMIT 1)`
		held = `(SELECT id FROM coupons WHERE state = 'ASSIGNED' AND event_seq = 1 ORDER BY id LIMIT 1)`
		free = `(SELECT id FROM coupons WHERE state = 'UNASSIGNED' AND event_seq = 0 ORDER BY id LIMIT 1)`
	)
	planted := []struct{ check, sql string }{
		{"every coupon came to its state by steps that are allowed", `
			WITH twice AS (UPDATE coupons SET event_seq = event_seq + 1 WHERE id = ` + held + ` RETURNING id, event_seq)
			INSERT INTO events (type, coupon_id, coupon_seq, created_at) SELECT 'coupon.assigned', id, event_seq, now() FROM twice`},
		{"every coupon came to its state by steps that are allowed", `UPDATE coupons SET state = 'VOID' WHERE id = ` + held},
		{"every coupon came to its state by steps that are allowed", `
			UPDATE events SET type = 'coupon.unlocked' WHERE type = 'coupon.redeemed'`},
		{"coupons and the jobs that assigned them agree", `UPDATE coupons SET job_id = gen_random_uuid() WHERE id = ` + held},
		{"granted coupons went to who was granted them", `
			UPDATE jobs SET coupon_ids = (SELECT coupon_ids FROM jobs WHERE id = ` + won + `)
			WHERE id = (SELECT id FROM jobs WHERE status = 'succeeded' AND kind = 'claim' ORDER BY seq DESC LIMIT 1)`},
		{"coupons are disabled as their events say", `UPDATE coupons SET disabled_at = now() WHERE id = ` + held},
		{"coupons are disabled as their events say", `DELETE FROM events WHERE type = 'coupon.enabled'`},
		{"coupons count their redemptions", `DELETE FROM redemptions WHERE rolls_back IS NOT NULL`},
		{"coupons count their redemptions", `
			UPDATE coupons SET max_redemptions = 2, redemptions = 1 WHERE id = ` + held},
		{"users' counters equal their redemptions", `UPDATE book_user_limits SET redeemed = redeemed + 1 WHERE redeemed = 0`},
		{"rollbacks fit the redemptions they take back", `
			UPDATE redemptions SET user_id = gen_random_uuid() WHERE rolls_back IS NOT NULL`},
		{"coupons and the jobs that assigned them agree", `DELETE FROM job_outcomes WHERE status = 'granted'`},
		{"coupons of distributions and batches went to whom their outcomes say", `
			UPDATE job_outcomes SET user_id = gen_random_uuid() WHERE status = 'granted' AND n = 2 AND item_id IS NULL`},
		{"the outcomes of a distribution add up", `UPDATE distributions SET granted = 1`},
		{"the outcomes of a distribution add up", `DELETE FROM job_outcomes WHERE status = 'skipped'`},
		{"the outcomes of a distribution add up", `
			UPDATE job_outcomes SET user_id = (SELECT user_id FROM job_outcomes WHERE n = 2 AND item_id IS NULL) WHERE n = 3 AND item_id IS NULL`},
		{"the outcomes of a distribution add up", `UPDATE distributions SET members = 4`},
		{"what is promised to distributions is counted in the stock", `UPDATE book_stock SET reserved = 1`},
		{"pools count their members", `DELETE FROM pool_members WHERE user_id = (SELECT user_id FROM job_outcomes WHERE n = 3 AND item_id IS NULL)`},
		{"what was delivered was answered, and every attempt is in the log", `DELETE FROM webhook_attempts`},
		{"what was delivered was answered, and every attempt is in the log", `
			WITH more AS (UPDATE webhook_deliveries SET attempts = 2) UPDATE webhook_attempts SET n = 2`},
		{"what was delivered was answered, and every attempt is in the log", `UPDATE webhook_attempts SET status_code = 500`},
		{"every claim that ended has exactly one outcome", `UPDATE jobs SET coupon_ids = '{}' WHERE id = ` + won},
		{"every item of a batch of claims has exactly one outcome", `DELETE FROM claim_items WHERE item_id = 'waits'`},
		{"every item of a batch of claims has exactly one outcome", `DELETE FROM job_outcomes WHERE reason = 'limit_reached' AND item_id IS NOT NULL`},
		{"every item of a batch of claims has exactly one outcome", `
			UPDATE job_outcomes SET planned = 2 WHERE status = 'granted' AND item_id IS NOT NULL`},
		{"every job that ended has told so exactly once", `DELETE FROM events WHERE type = 'job.succeeded' AND job_id = ` + won},
		{"every job that ended has told so exactly once", `
			INSERT INTO events (type, job_id, created_at) VALUES ('job.failed', ` + won + `, now())`},
		{"users' counters equal their coupons", `UPDATE book_user_limits SET used = 1 WHERE used = 2`},
		{"users' counters equal their coupons", `DELETE FROM book_user_limits`},
		{"no user got more than his book's limit", `
			UPDATE coupons SET state = 'ASSIGNED', assigned_at = now(),
			       user_id = (SELECT user_id FROM book_user_limits WHERE used = 2 LIMIT 1) WHERE id = ` + free},
		{"every transition of a coupon has its event, without a gap", `DELETE FROM events WHERE coupon_id = ` + held},
		{"every transition of a coupon has its event, without a gap", `
			UPDATE events SET coupon_seq = 2 WHERE coupon_id = ` + held},
		{"every transition of a coupon has its event, without a gap", `
			INSERT INTO events (type, coupon_id, coupon_seq, created_at) VALUES ('coupon.assigned', ` + free + `, 1, now())`},
		{"stock counts what the coupons say", `UPDATE book_stock SET free = free + 1`},
		{"stock counts what the coupons say", `UPDATE book_stock SET free = free - 1, disabled = disabled + 1`},
		{"stock counts what the coupons say", `DELETE FROM coupons WHERE id = ` + free},
		{"only coupons whose time is over are expired", `UPDATE books SET ends_at = NULL`},
		{"assigned coupons went to whom the job named", `UPDATE jobs SET coupon_id = gen_random_uuid() WHERE kind = 'assign'`},
		{"statistics count what the coupons say", `UPDATE book_stats SET locked = locked + 1`},
		{"statistics count what the coupons say", `UPDATE book_stats SET rollbacks = 0 WHERE rollbacks > 0`},
		{"statistics count what the coupons say", `DELETE FROM book_stats`},
		{"activity counts what the events say", `UPDATE book_activity SET refused = refused + 1`},
		{"activity counts what the events say", `DELETE FROM book_activity`},
		{"activity counts what the events say", `DELETE FROM events WHERE type = 'coupon.rolled_back'`},
		{"refusals are counted as they are", `UPDATE book_stock SET refused = 0`},
		{"claims were decided in the order of acceptance", `
			UPDATE jobs SET finished_at = finished_at + interval '1 second' WHERE id = ` + won},
		{"every claim has its own place in its book's queue", `UPDATE jobs SET seq = seq + 1 WHERE id = ` + won},
		{"every claim has its own place in its book's queue", `UPDATE book_queues SET last_seq = 3`},
		{"no claim of an active book waits longer than a minute", `
			WITH aged AS (UPDATE books SET updated_at = updated_at - interval '1 hour')
			UPDATE jobs SET created_at = created_at - interval '61 seconds' WHERE status = 'queued'`},
		{"batches count their codes", `UPDATE code_batches SET codes = codes + 1`},
		{"jobs made exactly as many codes as they count", `
			UPDATE coupons SET batch_id = gen_random_uuid() WHERE id = ` + free},
		{"jobs name books, pools and users that exist", `UPDATE jobs SET submitter_id = gen_random_uuid() WHERE id = ` + won},
		{"jobs name books, pools and users that exist", `UPDATE jobs SET pool_id = gen_random_uuid() WHERE pool_id IS NOT NULL`},
	}
	for _, p := range planted {
		t.Run(p.check, func(t *testing.T) {
			t.Parallel()
			pool := usedBook(t)
			tag, err := pool.Exec(t.Context(), p.sql)
			require.NoError(t, err)
			require.Positive(t, tag.RowsAffected(), "nothing was planted")
			findings, err := postgres.NewStore(pool).Verify(t.Context())
			require.NoError(t, err)
			named := false
			for _, f := range findings {
				if f.Check == p.check {
					named = true
					require.Positive(t, f.Anomalies)
					require.NotEmpty(t, f.Sample)
				}
			}
			require.True(t, named, "there is no such check")
		})
	}
	t.Run("every check has something planted", func(t *testing.T) {
		t.Parallel()
		findings, err := postgres.NewStore(usedBook(t)).Verify(t.Context())
		require.NoError(t, err)
		for _, f := range findings {
			require.Positive(t, f.Checked, "%s looked at nothing", f.Check)
			has := false
			for _, p := range planted {
				has = has || p.check == f.Check
			}
			require.True(t, has, "nothing is planted for: %s", f.Check)
		}
	})
}
