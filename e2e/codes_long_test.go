//go:build long

package e2e

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/client"
)

const (
	million  = 1_000_000
	badRows  = 1000 // of each kind
	kills    = 20
	mostMore = 64 << 10 // KiB that a process may grow by
)

// badRow is a row of each kind that is refused.
var badRow = map[string]func(i int, file importFile) string{
	"missing_code":        func(int, importFile) string { return ",,,," },
	"malformed":           func(i int, _ importFile) string { return fmt.Sprintf("BAD/%d,,,,", i) },
	"too_long":            func(i int, _ importFile) string { return fmt.Sprintf("%070d,,,,", i) },
	"bad_user":            func(i int, _ importFile) string { return fmt.Sprintf("U%d,no@@mail,,,", i) },
	"bad_limit":           func(i int, _ importFile) string { return fmt.Sprintf("L%d,,0,,", i) },
	"bad_date":            func(i int, _ importFile) string { return fmt.Sprintf("D%d,,,2026-02-30,", i) },
	"bad_metadata":        func(i int, _ importFile) string { return fmt.Sprintf("M%d,,,,[]", i) },
	"unknown_user":        func(i int, _ importFile) string { return fmt.Sprintf("N%d,nobody-%d,,,", i, i) },
	"limit_reached":       func(i int, f importFile) string { return fmt.Sprintf("H%d,%s,,,", i, f.holder) },
	"duplicate_in_file":   func(i int, _ importFile) string { return fmt.Sprintf("m-%07d,,,,", 700*i) },
	"duplicate_in_book":   func(i int, _ importFile) string { return fmt.Sprintf("BOOK%d,,,,", i) },
	"duplicate_elsewhere": func(i int, _ importFile) string { return fmt.Sprintf("ELSE%d,,,,", i) },
}

// importFile is a million good rows, and among them the bad ones. It is made
// as it is read.
type importFile struct{ holder string }

func (f importFile) open() io.Reader {
	reader, writer := io.Pipe()
	go func() {
		out := bufio.NewWriter(writer)
		_, _ = out.WriteString("code,user,max_redemptions,expires_at,metadata\n")
		for i := range million {
			_, _ = fmt.Fprintf(out, "M%07d,,,,\n", i)
			if i%(million/badRows) == million/badRows-1 { // after the code that comes again
				for _, bad := range badRow {
					_, _ = out.WriteString(bad(i/(million/badRows), f) + "\n")
				}
			}
		}
		_ = writer.CloseWithError(out.Flush())
	}()
	return reader
}

// upload sends a file and returns its job.
func (h *house) upload(t *testing.T, token, book, query string, file io.Reader) (id uuid.UUID) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.apis[0].url+"/api/v1/books/"+book+"/codes/upload"+query, file)
	require.NoError(t, err)
	request.Header.Set("Content-Type", "text/csv")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusAccepted, response.StatusCode, "%s", body)
	var job struct{ ID uuid.UUID }
	require.NoError(t, json.Unmarshal(body, &job))
	return job.ID
}

// throughKills waits for the job while its worker is killed at random points.
func (h *house) throughKills(t *testing.T, job uuid.UUID) {
	t.Helper()
	state := func(column string) (value int) {
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT `+column+` FROM jobs WHERE id = $1`, job).Scan(&value))
		return value
	}
	for epoch := range kills {
		point := int((float64(epoch) + rand.Float64() - 1) / kills * float64(state("total"))) // the first one before any chunk
		require.Eventually(t, func() bool { return state("epoch") > epoch && state("processed") >= point }, 2*time.Minute, time.Millisecond,
			"nobody takes the job over, or it does not go on")
		require.Zero(t, h.count(t, `SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL AND id = '`+job.String()+`'`), "it was over after %d kills", epoch)
		last := h.workers[len(h.workers)-1]
		last.kill(t)
		h.launchWorkers(t, 1)
		t.Logf("kill %d at %d", epoch+1, state("processed"))
	}
	h.waitUntilDone(t, job)
}

func (h *house) waitUntilDone(t *testing.T, job uuid.UUID) {
	t.Helper()
	require.Eventually(t, func() bool {
		return h.count(t, `SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL AND id = '`+job.String()+`'`) == 1
	}, 10*time.Minute, 100*time.Millisecond)
}

// grown is by how much a process's memory has been above what it is now, in KiB.
func (p *process) grown(t *testing.T) func() int {
	t.Helper()
	directory := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	require.NoError(t, os.WriteFile(directory+"/clear_refs", []byte("5"), 0)) // the peak begins anew
	peak := func() int {
		status, err := os.ReadFile(directory + "/status")
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		size, err := strconv.Atoi(strings.Fields(rest)[0])
		require.NoError(t, err)
		return size
	}
	before := peak()
	return func() int { return peak() - before }
}

func (h *house) tryBook(t *testing.T, admin *client.Client, settings map[string]any) string {
	t.Helper()
	var book struct{ ID string }
	require.NoError(t, admin.Do(t.Context(), http.MethodPost, "/api/v1/books", settings, &book))
	return book.ID
}

// A million rows with bad ones of every kind come in exactly, in little memory,
// while the worker is killed again and again; the same file again changes
// nothing.
func TestAMillionRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	admin, guest := h.admin(t)
	token, err := guest.SignIn(t.Context(), adminEmail, adminPassword)
	require.NoError(t, err)
	book, other := h.tryBook(t, admin, map[string]any{"name": "Million", "max_assignments_per_user": 1}), h.tryBook(t, admin, map[string]any{"name": "Other"})
	file := importFile{holder: adminEmail}
	for target, prefix := range map[string]string{book: "BOOK", other: "ELSE"} {
		var rows strings.Builder
		rows.WriteString("code,user\n")
		for i := range badRows {
			fmt.Fprintf(&rows, "%s%d,\n", prefix, i)
		}
		fmt.Fprintf(&rows, "%s-HELD,%s\n", prefix, adminEmail)
		h.waitUntilDone(t, h.upload(t, token, target, "", strings.NewReader(rows.String())))
	}
	apiGrown := h.apis[0].grown(t)
	start := time.Now()
	job := h.upload(t, token, book, "", file.open())
	t.Logf("%d rows uploaded in %s; the API grew by %d KiB", million+len(badRow)*badRows, time.Since(start), apiGrown())
	require.Less(t, apiGrown(), mostMore)
	h.throughKills(t, job)

	report := map[string]int{}
	for _, row := range h.report(t, token, job) {
		report[row[2]]++
	}
	want := map[string]int{}
	for reason := range badRow {
		want[reason] = badRows
	}
	require.Equal(t, want, report)
	total := million + badRows + 1
	require.Equal(t, total, h.count(t, `SELECT count(*) FROM coupons WHERE book_id = '`+book+`'`))

	h.workers[len(h.workers)-1].ready(t)
	workerGrown := h.workers[len(h.workers)-1].grown(t)
	for _, query := range []string{"?on_duplicate=skip", "?on_duplicate=fail", "?dry_run=true"} {
		start = time.Now()
		again := h.upload(t, token, book, query, file.open())
		h.waitUntilDone(t, again)
		t.Logf("%s again in %s", query, time.Since(start))
		require.Len(t, h.report(t, token, again), million+len(badRow)*badRows, query)
		require.Equal(t, total, h.count(t, `SELECT count(*) FROM coupons WHERE book_id = '`+book+`'`), query)
	}
	t.Logf("the worker grew by %d KiB, the API by %d", workerGrown(), apiGrown())
	require.Less(t, workerGrown(), mostMore)
	require.Less(t, apiGrown(), mostMore)
	require.Eventually(t, func() bool { return h.count(t, `SELECT count(*) FROM import_rows`) == 0 }, 5*time.Minute, time.Second, "rows are cleaned up")
	h.verify(t)
}

// report reads what a job refused, without the header.
func (h *house) report(t *testing.T, token string, job uuid.UUID) [][]string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.apis[0].url+"/api/v1/jobs/"+job.String()+"/outcomes.csv", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	rows, err := csv.NewReader(response.Body).ReadAll()
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return rows[1:]
}

// A million codes are exactly that after twenty kills: all distinct, each
// character as likely as the others. The page of their book opens at once, which
// is measured alone: no other test runs beside this one.
func TestAMillionCodes(t *testing.T) { //nolint:paralleltest // measures
	h := newHouse(t, 1, 1)
	admin, _ := h.admin(t)
	book := h.tryBook(t, admin, map[string]any{"name": "Million"})
	var job struct{ ID uuid.UUID }
	require.NoError(t, admin.Do(t.Context(), http.MethodPost, "/api/v1/books/"+book+"/codes/generate", map[string]any{"count": million}, &job))
	h.throughKills(t, job.ID)
	require.Equal(t, million, h.count(t, `SELECT count(DISTINCT normalised) FROM coupons WHERE book_id = '`+book+`'`))

	var seen [256]float64
	places := 0.0
	rows, err := h.pool.Query(t.Context(), `SELECT normalised FROM coupons WHERE book_id = $1`, book)
	require.NoError(t, err)
	for rows.Next() {
		var code string
		require.NoError(t, rows.Scan(&code))
		for i := range len(code) {
			seen[code[i]]++
			places++
		}
	}
	require.NoError(t, rows.Err())
	chi, kinds := 0.0, 0.0
	for _, n := range seen {
		if n > 0 {
			kinds++
			chi += (n - places/32) * (n - places/32) / (places / 32)
		}
	}
	require.InDelta(t, 32, kinds, 0)
	require.Less(t, chi, 31+10*math.Sqrt(62))
	t.Logf("chi-square %.1f over %.0f characters", chi, places)
	h.verify(t)
	h.browse(t, []string{"--project=million"}, "MILLION_BOOK="+book)
}
