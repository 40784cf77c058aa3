package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
	"couponbook/internal/fixture"
)

// send uploads a file and, if a job comes of it, runs that.
func (h *house) send(t *testing.T, credential, path, kind, file string, headers ...string) (answer, jobBody) {
	t.Helper()
	got := h.call(t, credential, http.MethodPost, path, file, append([]string{"Content-Type", kind}, headers...)...)
	var job jobBody
	if got.status == http.StatusAccepted {
		got.read(t, &job)
		_, err := h.service.Import(context.WithoutCancel(t.Context()), job.ID)
		require.NoError(t, err)
		h.call(t, credential, http.MethodGet, job.Links.Self, nil).read(t, &job)
	}
	return got, job
}

// form is a form with files, as a browser sends it.
func form(t *testing.T, files ...string) (kind, body string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i, file := range files {
		part, err := w.CreateFormFile("file", fmt.Sprintf("codes-%d.csv", i))
		require.NoError(t, err)
		_, err = part.Write([]byte(file))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), out.String()
}

// A file comes in any of three ways, and its options are heeded.
func TestUploads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner, path := h.token(t, fixture.Owner(book)), bookPath(book, "/codes/upload")
	kind, body := form(t, "code\nFORM-1\nFORM-2\n")
	for _, c := range []struct {
		query, kind, body string
		want              importBody
	}{
		{"", "text/csv; charset=utf-8", "CSV-1\nCSV-2\n", importBody{Added: 2, Reasons: map[string]int{}}},
		{"", kind, body, importBody{Added: 2, Reasons: map[string]int{}}},
		{"", "application/json", `{"codes": ["JSON-1", {"code": "JSON-2"}, "csv1"]}`, importBody{Added: 2, Refused: 1, Reasons: map[string]int{"duplicate_in_book": 1}}},
		{"?dry_run=true", "text/csv", "DRY-1\n", importBody{DryRun: true, Added: 1, Reasons: map[string]int{}}},
		{"?columns=-,code&header=no&delimiter=semicolon", "text/csv", "code;X-1\n", importBody{Added: 1, Reasons: map[string]int{}}},
		{"?on_duplicate=fail", "text/csv", "X-1\nX-2\n", importBody{Refused: 1, Reasons: map[string]int{"duplicate_in_book": 1}}},
	} {
		got, job := h.send(t, owner, path+c.query, c.kind, c.body)
		require.Equal(t, http.StatusAccepted, got.status, "%s", got.body)
		require.Equal(t, coupon.ImportJob, job.Kind)
		require.NotNil(t, job.Result, "%s %s", c.query, c.body)
		require.Equal(t, c.want.Added > 0 && !c.want.DryRun, job.Result.Import.BatchID != nil)
		job.Result.Import.BatchID = nil
		require.Equal(t, c.want, *job.Result.Import)
		require.Equal(t, strings.Contains(c.query, "fail"), job.Status == coupon.Failed)
	}
	fixture.Verify(t, h.pool)
}

// What is no file of codes is refused with a sentence, and nothing of it stays.
func TestUploadsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner, path := h.token(t, fixture.Owner(book)), bookPath(book, "/codes/upload")
	twoKind, two := form(t, "A1\n", "A2\n")
	noneKind, none := form(t)
	var squeezed bytes.Buffer
	zip := gzip.NewWriter(&squeezed)
	_, err := io.CopyN(zip, zeros{}, 64<<20)
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	for name, c := range map[string]struct {
		query, kind, body string
		status            int
		code              string
		headers           []string
	}{
		"no type":              {"", "", "A1\n", 415, "unsupported_media_type", nil},
		"a picture":            {"", "image/png", "A1\n", 415, "unsupported_media_type", nil},
		"compressed":           {"", "text/csv", squeezed.String(), 415, "unsupported_media_type", []string{"Content-Encoding", "gzip"}},
		"compressed, secretly": {"", "text/csv", squeezed.String(), 422, "bad_file", nil},
		"two files":            {"", twoKind, two, 422, "bad_file", nil},
		"no file":              {"", noneKind, none, 422, "bad_file", nil},
		"a form without edges": {"", "multipart/form-data", "A1\n", 422, "bad_file", nil},
		"half a form":          {"", twoKind, two[:len(two)/2], 400, "upload_cut_off", nil},
		"broken JSON":          {"", "application/json", `{"codes": ["A1"`, 422, "bad_file", nil},
		"too much JSON":        {"", "application/json", `{"codes": ["` + strings.Repeat("A", 17<<20), 413, "body_too_large", nil},
		"nothing":              {"", "text/csv", "", 422, "bad_file", nil},
		"an unknown option":    {"?on_duplicate=update", "text/csv", "A1\n", 422, "invalid_input", nil},
		"unknown columns":      {"?columns=name", "text/csv", "A1\n", 422, "bad_file", nil},
		"a bad key":            {"", "text/csv", "A1\n", 422, "invalid_input", []string{"Idempotency-Key", "ä"}},
	} {
		got, _ := h.send(t, owner, path+c.query, c.kind, c.body, c.headers...)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, c.code, got.problem.Code, name)
	}
	require.Equal(t, "book_not_found", h.call(t, h.person(t, coupon.Manager), http.MethodPost, path, "A1\n", "Content-Type", "text/csv").problem.Code)
	var rows int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM import_rows`).Scan(&rows))
	require.Zero(t, rows)
	h.service.Close()
	require.Empty(t, h.queue.Rung)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// An upload that is cut off in the middle is told so, where somebody listens,
// and leaves nothing.
func TestAnUploadThatIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	book := fixture.Book(t, h.pool, 0, 0)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n%s",
		bookPath(book, "/codes/upload"), h.token(t, fixture.Owner(book)), strings.Repeat("CUT-1\nCUT-2\n", 20_000))
	require.NoError(t, err)
	half, ok := connection.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, half.CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	meet(response.StatusCode, body)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Contains(t, string(body), "upload_cut_off")
	var rows int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM import_rows`).Scan(&rows))
	require.Zero(t, rows)
}

// A sender who takes for ever is stopped, and leaves nothing.
func TestAnUploadThatIsTooSlow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	o := h.api.Options
	o.UploadWithin = 0
	var err error
	h.handler, err = New(o)
	require.NoError(t, err)
	kind, body := form(t, "A1\n")
	for kind, body := range map[string]string{"text/csv": "A1\n", "application/json": `{"codes": ["A1"]}`, kind: body} {
		got, _ := h.send(t, h.token(t, fixture.Owner(book)), bookPath(book, "/codes/upload"), kind, body)
		require.Equal(t, http.StatusRequestTimeout, got.status, kind)
		require.Equal(t, "upload_too_slow", got.problem.Code)
	}
	var rows int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM import_rows`).Scan(&rows))
	require.Zero(t, rows)
}

// The same key brings the same job for the same file, and is refused for another.
func TestAnUploadWithAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner, path := h.token(t, fixture.Owner(book)), bookPath(book, "/codes/upload")
	send := func(query, file string) answer {
		return h.call(t, owner, http.MethodPost, path+query, file, "Content-Type", "text/csv", "Idempotency-Key", "k")
	}
	first, second := send("", "A1\n"), send("", "A1\n")
	require.Equal(t, first.header.Get("Location"), second.header.Get("Location"))
	require.Equal(t, "true", second.header.Get("Idempotency-Replayed"))
	for _, other := range []answer{send("", "A2\n"), send("", "A1"), send("?dry_run=true", "A1\n")} {
		require.Equal(t, "idempotency_key_reused", other.problem.Code)
	}
}

// Refused rows are told in pages and as a file that no spreadsheet takes for
// formulas; to whoever may see the job.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	book := fixture.Book(t, h.pool, 0, 0)
	owner := h.token(t, fixture.Owner(book))
	_, job := h.send(t, owner, bookPath(book, "/codes/upload"), "text/csv", "OK-1\n=1+1\n@x\n\"-a, b\"\nOK-1\n")
	var seen []outcomeBody
	for cursor := ""; ; {
		var body page[outcomeBody]
		h.call(t, owner, http.MethodGet, job.Links.Self+"/outcomes?limit=2&cursor="+cursor, nil).read(t, &body)
		if seen = append(seen, body.Data...); body.NextCursor == nil {
			break
		}
		cursor = *body.NextCursor
	}
	require.Len(t, seen, 4)
	require.Equal(t, coupon.RowDuplicateInFile, *seen[3].Reason)
	require.Equal(t, 5, *seen[3].Line)
	report := h.call(t, owner, http.MethodGet, job.Links.Self+"/outcomes.csv", nil)
	require.Equal(t, "text/csv; charset=utf-8", report.header.Get("Content-Type"))
	require.Contains(t, report.header.Get("Content-Disposition"), "refused-")
	malformed := "malformed,\"can have only letters, digits, -, _ and .\"\n"
	require.Equal(t, "row,code,reason,detail\n2,'=1+1,"+malformed+"3,'@x,"+malformed+"4,\"'-a, b\","+malformed+
		"5,OK-1,duplicate_in_file,is the code of line 1 too\n", string(report.body))
	stranger := h.person(t, coupon.Manager)
	for _, end := range []string{"/outcomes", "/outcomes.csv"} {
		require.Equal(t, "job_not_found", h.call(t, stranger, http.MethodGet, job.Links.Self+end, nil).problem.Code)
		require.Equal(t, "job_not_found", h.call(t, owner, http.MethodGet, Prefix+"/jobs/00000000-0000-7000-8000-000000000001"+end, nil).problem.Code)
	}
}
