package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
	"couponbook/internal/service"
	"couponbook/internal/tcpproxy"
	"couponbook/internal/testdb"
)

// opened reads a file as CSV.
func opened(file io.Reader) func(string) (codefile.Rows[coupon.UploadRow], error) {
	return func(zone string) (codefile.Rows[coupon.UploadRow], error) {
		return codefile.NewCodes(file, codefile.Options{}, zone)
	}
}

func (h *house) submitUpload(ctx context.Context, book coupon.Book, file io.Reader, in service.UploadRequest) (service.Submission, error) {
	in.BookID, in.Open = book.ID, opened(file)
	if in.OnDuplicate == "" {
		in.OnDuplicate = coupon.SkipDuplicates
	}
	if in.Fingerprint == nil {
		in.Fingerprint = func() []byte { return []byte("f") }
	}
	return h.service.SubmitUpload(ctx, fixture.Owner(book), in)
}

// upload is an upload from the file to the end of its job.
func (h *house) upload(t *testing.T, book coupon.Book, file string, in service.UploadRequest) coupon.Job {
	t.Helper()
	submitted, err := h.submitUpload(t.Context(), book, strings.NewReader(file), in)
	require.NoError(t, err)
	for range 2 { // the second time it has nothing to do
		_, err = h.service.Import(t.Context(), submitted.Job.ID)
		require.NoError(t, err)
	}
	return h.job(t, submitted.Job.ID)
}

// outcomes are a job's, as "line code reason".
func (h *house) outcomes(t *testing.T, job uuid.UUID) (told []string) {
	t.Helper()
	outcomes, err := h.store.Outcomes(t.Context(), job, coupon.OutcomeFilter{}, 1000)
	require.NoError(t, err)
	for _, o := range outcomes {
		require.NotEmpty(t, o.Detail)
		told = append(told, fmt.Sprintf("%d %s %s", *o.Line, *o.Code, *o.Reason))
	}
	return told
}

// Every row of a file is added or told with its reason.
func TestImport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book, other := fixture.Book(t, h.pool, 0, 2), fixture.Book(t, h.pool, 0, 0)
	users := fixture.Users(t, h.pool, 2)
	h.upload(t, other, "ELSE-1\n", service.UploadRequest{})
	h.upload(t, book, "HERE-1\n", service.UploadRequest{})
	_, err := h.pool.Exec(t.Context(), `UPDATE users SET email = 'ann@example.com', external_id = 'crm-7' WHERE id = $1`, users[0].UserID)
	require.NoError(t, err)
	file := strings.Join([]string{
		"code,user,max_redemptions,expires_at,metadata.shop",
		"A-1,,,,",
		"A-2,ANN@example.com,3,2099-01-01,Sol",
		"a1,,,,",
		"else1,,,,",
		"HERE 1,,,,",
		"HERE1,,,,",
		"A-3,crm-7,,,",
		"A-4," + users[0].UserID.String() + ",,,",
		"A-5,nobody,,,",
		"A-6,,,never,",
		"A-7," + users[1].UserID.String() + ",,,",
	}, "\n")
	job := h.upload(t, book, file, service.UploadRequest{FileName: "codes.csv"})
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.Equal(t, []int{11, 11, 4, 7}, []int{job.Total, job.Processed, job.Succeeded, job.Failed})
	require.Equal(t, []string{
		"4 a1 duplicate_in_file", "5 else1 duplicate_elsewhere", "6 HERE 1 malformed", "7 HERE1 duplicate_in_book",
		"9 A-4 limit_reached", "10 A-5 unknown_user", "11 A-6 bad_date",
	}, h.outcomes(t, job.ID))
	stats := h.stock(t, book.ID)
	require.EqualValues(t, 5, stats.Total)
	require.EqualValues(t, 2, stats.Free)
	held, err := h.store.CouponsOf(t.Context(), users[0].UserID, coupon.HeldFilter{}, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"A-2", "A-3"}, []string{held[0].Coupon.Code, held[1].Coupon.Code})
	require.Equal(t, 3, held[0].Coupon.MaxRedemptions)
	require.JSONEq(t, `{"shop": "Sol"}`, string(held[0].Coupon.Metadata))
	require.Equal(t, "2099-01-02T00:00:00Z", held[0].EndsAt().UTC().Format("2006-01-02T15:04:05Z"))
	fixture.Verify(t, h.pool)
}

// A dry run tells what would be refused, and adds nothing.
func TestADryRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 1)
	user := fixture.Users(t, h.pool, 1)[0].UserID.String()
	job := h.upload(t, book, "code,user\nA1,\nA1,\nA2,"+user+"\nA3,"+user+"\n", service.UploadRequest{DryRun: true})
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.Equal(t, []string{"3 A1 duplicate_in_file", "5 A3 limit_reached"}, h.outcomes(t, job.ID))
	require.JSONEq(t, `{"batch_id": null, "dry_run": true, "added": 2, "refused": 2, "reasons": {"duplicate_in_file": 1, "limit_reached": 1}}`, string(job.Result))
	require.Zero(t, h.stock(t, book.ID).Total)
	fixture.Verify(t, h.pool)
}

// With fail, a single duplicate keeps the whole file out; without one, all of
// it comes in at once.
func TestAnUploadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	fail := service.UploadRequest{OnDuplicate: coupon.FailOnDuplicate}
	job := h.upload(t, book, "A1\nA2\nA2\n?\n", fail)
	require.Equal(t, "duplicates", *job.ErrorCode)
	require.Equal(t, []string{"3 A2 duplicate_in_file", "4 ? malformed"}, h.outcomes(t, job.ID))
	require.Zero(t, h.stock(t, book.ID).Total)

	many := codes("X", 12_000)
	job = h.upload(t, book, many+"?\n", fail)
	require.Equal(t, coupon.PartiallySucceeded, job.Status)
	require.EqualValues(t, 12_000, h.stock(t, book.ID).Free)
	job = h.upload(t, book, "A1\nX00077\n", fail)
	require.Equal(t, "duplicates", *job.ErrorCode)
	job = h.upload(t, book, many, service.UploadRequest{})
	require.Equal(t, []int{0, 12_000}, []int{job.Succeeded, job.Failed})
	require.EqualValues(t, 12_000, h.stock(t, book.ID).Total)
	fixture.Verify(t, h.pool)
}

// codes are n rows.
func codes(prefix string, n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "%s%05d\n", prefix, i)
	}
	return out.String()
}

// A worker dies after a chunk, again and again; each row is added or told once.
func TestImportAfterCrashes(t *testing.T) {
	t.Parallel()
	for _, on := range []coupon.OnDuplicate{coupon.SkipDuplicates, coupon.FailOnDuplicate} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			address := testdb.NewURL(t)
			plain := testdb.Open(t, address)
			proxy, pool := cut(t, address, tcpproxy.Commit)
			h := newHouseOn(t, pool)
			book := fixture.Book(t, plain, 0, 0)
			submitted, err := h.submitUpload(t.Context(), book, strings.NewReader(codes("C", 12_000)+"?\n?\n"), service.UploadRequest{OnDuplicate: on})
			require.NoError(t, err)
			id := submitted.Job.ID
			h.dyingRuns(t, proxy, 5, submitted.Job)
			require.Equal(t, []string{"12001 ? malformed", "12002 ? malformed"}, h.outcomes(t, id))
			require.EqualValues(t, 12_000, h.stock(t, book.ID).Free)
			fixture.Verify(t, plain)
		})
	}
}

// Two imports and a claim at once: each code comes in once, whoever was first.
func TestImportsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	jobs := make([]uuid.UUID, 4)
	for i := range jobs {
		submitted, err := h.submitUpload(t.Context(), book, strings.NewReader(codes("R", 11_000)), service.UploadRequest{})
		require.NoError(t, err)
		jobs[i] = submitted.Job.ID
	}
	together(len(jobs), func(i int) {
		for !h.job(t, jobs[i]).Done() {
			_, err := h.service.Import(t.Context(), jobs[i])
			if err != nil && !service.IsTransient(err) {
				require.NoError(t, err)
			}
			_, err = h.pool.Exec(t.Context(), `UPDATE jobs SET heartbeat_at = heartbeat_at - interval '6 seconds' WHERE id = $1`, jobs[i])
			require.NoError(t, err)
		}
	})
	added := 0
	for _, id := range jobs {
		added += h.job(t, id).Succeeded
	}
	require.Equal(t, 11_000, added)
	require.EqualValues(t, 11_000, h.stock(t, book.ID).Free)
	fixture.Verify(t, h.pool)
}

// A file that breaks off, and one that is none, leave nothing.
func TestBrokenUploads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	cut := errors.New("cut off")
	broken := io.MultiReader(strings.NewReader(codes("B", 20_000)), iotest.ErrReader(cut))
	_, err := h.submitUpload(t.Context(), book, broken, service.UploadRequest{})
	require.ErrorIs(t, err, cut)
	for _, file := range []string{codes("B", 20_000) + "\"open\nfor ever\n", "code\n", ""} {
		_, err := h.submitUpload(t.Context(), book, strings.NewReader(file), service.UploadRequest{})
		require.ErrorIs(t, err, coupon.ErrBadFile)
	}
	require.Zero(t, h.count(t, `SELECT count(*) FROM import_rows`))
	require.Zero(t, h.count(t, `SELECT count(*) FROM jobs WHERE kind = 'import_codes'`))
	_, err = h.service.MoveBook(t.Context(), fixture.Owner(book), book.ID, coupon.Closed)
	require.NoError(t, err)
	_, err = h.submitUpload(t.Context(), book, strings.NewReader("A1\n"), service.UploadRequest{})
	require.ErrorIs(t, err, coupon.ErrBookState)
	stranger := fixture.User(t, h.pool, coupon.Manager)
	_, err = h.service.SubmitUpload(t.Context(), stranger, service.UploadRequest{BookID: book.ID})
	require.ErrorIs(t, err, coupon.ErrBookNotFound)
}

// The same key brings the same job, and the rows of the second upload go; with
// another file it is refused.
func TestAnUploadTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	submit := func(mark string) (service.Submission, error) {
		return h.submitUpload(t.Context(), book, strings.NewReader("A1\nA2\n"), service.UploadRequest{
			IdempotencyKey: "k", Fingerprint: func() []byte { return []byte(mark) },
		})
	}
	first, err := submit("a")
	require.NoError(t, err)
	second, err := submit("a")
	require.NoError(t, err)
	require.Equal(t, first.Job.ID, second.Job.ID)
	require.True(t, second.Replayed)
	_, err = submit("b")
	require.ErrorIs(t, err, coupon.ErrKeyReused)
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM import_rows`))
}

// The sweeper forgets rows of jobs that have ended, and of uploads that never
// became one; not those of jobs that wait.
func TestRowsAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	h.upload(t, book, codes("D", 6000), service.UploadRequest{})
	waiting, err := h.submitUpload(t.Context(), book, strings.NewReader("W1\n"), service.UploadRequest{})
	require.NoError(t, err)
	for id, keeps := range map[string]bool{"00000000-0000-7000-8000-000000000001": false, uuid.Must(uuid.NewV7()).String(): true} {
		_, err = h.pool.Exec(t.Context(), `
			INSERT INTO import_rows (job_id, n, line, coupon_id, draw_rank, code, normalised)
			VALUES ($1, 1, 1, gen_random_uuid(), $2, 'X', 'X')`, id, map[bool]int{true: 1}[keeps])
		require.NoError(t, err)
	}
	require.NoError(t, h.sweeper.Rows(t.Context()))
	require.Equal(t, 2, h.count(t, `SELECT count(*) FROM import_rows`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM import_rows WHERE job_id = '`+waiting.Job.ID.String()+`'`))
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM import_rows WHERE draw_rank = 1`))
}

// A coupon with an end of its own is not given out after it, is written down
// as expired, and keeps that end when it is taken back.
func TestCodesWithAnEndOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	h.upload(t, book, "code,expires_at\nOVER,2001-01-01\nGOOD,2099-01-01\n", service.UploadRequest{})
	users := fixture.Users(t, h.pool, 2)
	jobs := fixture.Queued(t, h.pool, book.ID, users, 1)
	_, err := h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	require.Equal(t, "GOOD", h.job(t, jobs[0]).Coupons[0].Code)
	require.Equal(t, "2099-01-02T00:00:00Z", h.job(t, jobs[0]).Coupons[0].ExpiresAt.UTC().Format("2006-01-02T15:04:05Z"))
	require.Equal(t, "sold_out", *h.job(t, jobs[1]).ErrorCode)
	require.NoError(t, h.sweeper.Expiry(t.Context()))
	require.Zero(t, h.stock(t, book.ID).Free)
	require.EqualValues(t, 1, h.stock(t, book.ID).Expired)
	_, err = h.till.Revoke(t.Context(), fixture.Owner(book), service.CouponRef("GOOD"), service.ReasonInput{Reason: "a mistake"})
	require.NoError(t, err)
	require.Equal(t, 1, h.count(t, `SELECT count(*) FROM coupons WHERE state = 'UNASSIGNED' AND expires_at = ends_at`))
	fixture.Verify(t, h.pool)
}
