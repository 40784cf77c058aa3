package jobs_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/postgres"
	"couponbook/internal/queue"
	"couponbook/internal/service"
	"couponbook/internal/testdb"
	"couponbook/internal/webhook"
)

// A drain task decides the book's claims; when it comes again it finds nothing
// to do and changes nothing.
func TestADrainTaskTwice(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 3, 0)
	fixture.Queued(t, pool, book.ID, fixture.Users(t, pool, 5), 1)
	h := handler(pool, fixture.Open{})
	for range 2 {
		require.NoError(t, h.ProcessTask(t.Context(), task(queue.DrainAssignments, book.ID)))
		require.Equal(t, map[string]int{"succeeded": 3, "sold_out": 2}, fixture.Outcomes(t, pool, book.ID))
	}
	fixture.Verify(t, pool)
	line := logged.await(t, 0, book.ID.String(), "3 granted, 2 refused")
	require.Equal(t, "INFO", line["level"])
	require.Equal(t, "task", line["msg"])
	require.Equal(t, "assignment:drain", line["task"])
	require.Contains(t, line, "duration_ms")
	logged.await(t, 0, book.ID.String(), "0 granted, 0 refused")
}

// A delivery task sends what is due; when it comes again nothing is. (These
// workers reach no address: the try fails.)
func TestADeliveryTaskTwice(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	store := postgres.NewStore(pool)
	admin := fixture.User(t, pool, coupon.Admin)
	e, err := store.AddEndpoint(t.Context(), coupon.Endpoint{ID: uuid.New(), OwnerID: admin.UserID, URL: "https://127.0.0.1/", Events: []string{"*"}},
		webhook.NewSecret())
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `
		WITH e AS (INSERT INTO events (type, created_at) VALUES ('book.paused', now()) RETURNING id)
		INSERT INTO webhook_deliveries (endpoint_id, event_id, last_event_id, events, type, event_at, next_attempt_at)
		SELECT $1, id, id, 1, 'book.paused', now(), now() FROM e`, e.ID)
	require.NoError(t, err)
	h := handler(pool, fixture.Open{})
	for range 2 {
		require.NoError(t, h.ProcessTask(t.Context(), task(queue.DeliverWebhooks, e.ID)))
	}
	logged.await(t, 0, e.ID.String(), "0 delivered, 1 failed")
	logged.await(t, 0, e.ID.String(), "0 delivered, 0 failed")
	require.NoError(t, h.ProcessTask(t.Context(), task(queue.DeliverWebhooks, uuid.New())))
	logged.await(t, 0, "another worker sends to this endpoint, or it is left alone")
	fixture.Verify(t, pool)
}

// A generation task makes the job's codes; when it comes again it makes none.
func TestAGenerationTaskTwice(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 0, 0)
	store := postgres.NewStore(pool)
	submitted, err := service.New(store, &fixture.Queue{}).SubmitGenerate(t.Context(), fixture.Owner(book),
		service.GenerateRequest{BookID: book.ID, Count: 25})
	require.NoError(t, err)
	h := handler(pool, fixture.Open{})
	for range 2 {
		require.NoError(t, h.ProcessTask(t.Context(), task(queue.GenerateCodes, submitted.Job.ID)))
		stats, err := store.BookStats(t.Context(), book.ID)
		require.NoError(t, err)
		require.EqualValues(t, 25, stats.Total)
		require.EqualValues(t, 25, stats.Free)
		ended, err := store.Jobs(t.Context(), []uuid.UUID{submitted.Job.ID})
		require.NoError(t, err)
		require.Equal(t, coupon.Succeeded, ended[0].Status)
		require.Equal(t, 25, ended[0].Succeeded)
	}
	fixture.Verify(t, pool)
	logged.await(t, 0, submitted.Job.ID.String(), "25 codes made")
	logged.await(t, 0, submitted.Job.ID.String(), "\"0 codes made")
}

// An import task makes coupons of the rows; when it comes again it makes none.
func TestAnImportTaskTwice(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 0, 0)
	store := postgres.NewStore(pool)
	submitted, err := service.New(store, &fixture.Queue{}).SubmitUpload(t.Context(), fixture.Owner(book), service.UploadRequest{
		BookID: book.ID, OnDuplicate: coupon.SkipDuplicates, Fingerprint: func() []byte { return nil },
		Open: func(zone string) (codefile.Rows[coupon.UploadRow], error) {
			return codefile.NewCodes(strings.NewReader("A1\nA2\nA1\n"), codefile.Options{}, zone)
		},
	})
	require.NoError(t, err)
	h := handler(pool, fixture.Open{})
	for range 2 {
		require.NoError(t, h.ProcessTask(t.Context(), task(queue.ImportCodes, submitted.Job.ID)))
		stats, err := store.BookStats(t.Context(), book.ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, stats.Free)
	}
	fixture.Verify(t, pool)
	logged.await(t, 0, submitted.Job.ID.String(), "2 codes added, 1 rows refused")
	logged.await(t, 0, submitted.Job.ID.String(), "0 codes added, 0 rows refused")
}

// A task for what does not exist, as after a restore of the database, is over.
func TestTasksForNothing(t *testing.T) {
	t.Parallel()
	h := handler(testdb.New(t), fixture.Open{})
	for name, result := range map[string]string{
		queue.DrainAssignments: "0 granted, 0 refused", queue.GenerateCodes: "0 codes made", queue.ImportCodes: "0 codes added",
	} {
		id := uuid.New()
		require.NoError(t, h.ProcessTask(t.Context(), task(name, id)))
		require.Contains(t, logged.await(t, 0, id.String(), name)["result"], result)
	}
}

// A task whose payload is no id is logged and over: asynq would try it again
// in vain.
func TestAnUnreadableTaskIsOver(t *testing.T) {
	t.Parallel()
	h := handler(testdb.New(t), fixture.Open{})
	for _, name := range []string{queue.DrainAssignments, queue.GenerateCodes, queue.ImportCodes} {
		for _, payload := range []string{"", "{}", uuid.NewString()[1:]} {
			require.NoError(t, h.ProcessTask(t.Context(), asynq.NewTask(name, []byte(payload))))
		}
		require.Equal(t, "ERROR", logged.await(t, 0, "task has no id", name)["level"])
	}
}

// A task that nobody handles is an error: asynq shows it to the operator.
func TestAnUnknownTaskFails(t *testing.T) {
	t.Parallel()
	h := handler(testdb.New(t), fixture.Open{})
	require.Error(t, h.ProcessTask(t.Context(), task("coupon:frame", uuid.New())))
}

// While someone else drains the book, the task has nothing to do and waits for
// nobody.
func TestADrainTaskOfATakenBook(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	book := fixture.Book(t, pool, 1, 0)
	fixture.Queued(t, pool, book.ID, fixture.Users(t, pool, 1), 1)
	require.NoError(t, handler(pool, taken{}).ProcessTask(t.Context(), task(queue.DrainAssignments, book.ID)))
	require.Equal(t, map[string]int{"queued": 1}, fixture.Outcomes(t, pool, book.ID))
	line := logged.await(t, 0, book.ID.String(), "another worker drains this book")
	require.Equal(t, "INFO", line["level"])
}

// A use case that fails is logged once, with its reason, and the task is over:
// the rows still wait, and the sweeper rings for them.
func TestAFailedUseCaseIsLoggedAndNotRetried(t *testing.T) {
	t.Parallel()
	pool := testdb.New(t)
	h := handler(pool, fixture.Open{})
	pool.Close()
	for _, name := range []string{queue.DrainAssignments, queue.GenerateCodes, queue.ImportCodes} {
		id := uuid.New()
		require.NoError(t, h.ProcessTask(t.Context(), task(name, id)))
		line := logged.await(t, 0, id.String(), name)
		require.Equal(t, "ERROR", line["level"])
		require.Contains(t, line["result"], "stopped by an error, the sweeper goes on")
		require.Equal(t, "closed pool", line["error"])
	}
}

// A use case that panics ends its task like any failure: logged, not retried.
func TestAPanicIsLoggedAndNotRetried(t *testing.T) {
	t.Parallel()
	before := logged.size()
	book := uuid.New()
	require.NoError(t, handler(nil, fixture.Open{}).ProcessTask(t.Context(), task(queue.DrainAssignments, book)))
	logged.await(t, before, book.String(), "panic: ")
}
