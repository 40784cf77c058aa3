package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

// twin is a table like coupons, with the same indexes and references, and empty.
const twin = `
	DROP TABLE IF EXISTS bench_coupons;
	CREATE TABLE bench_coupons (LIKE coupons INCLUDING ALL);
	ALTER TABLE bench_coupons ADD FOREIGN KEY (book_id) REFERENCES books, ADD FOREIGN KEY (batch_id) REFERENCES code_batches`

// codes is P6 and P7: a million codes made from a pattern, and as many imported
// from a file, beside COPY of the rows that come of it.
func (s *stage) codes(ctx context.Context) error {
	made := series{Name: product, Unit: "/s"}
	imported := series{Name: product, Unit: "/s"}
	madeCopied := series{Name: "COPY", Unit: "/s"}
	importedCopied := series{Name: "COPY", Unit: "/s"}
	workerGrown, apiGrown := 0, 0
	perSecond := func(all *series, took time.Duration) {
		all.Values = append(all.Values, float64(s.codeCount)/took.Seconds())
	}
	// A process that has done nothing grows to the heap that Go lets it have.
	if _, err := s.rush(ctx, s.designs[0], claims); err != nil {
		return err
	}
	for round := range s.rounds {
		say("     codes, round %d", round+1)
		book, took, err := s.generated(ctx, s.codeCount)
		if err != nil {
			return err
		}
		perSecond(&made, took)
		if took, err = s.copied(ctx, book); err != nil {
			return err
		}
		perSecond(&madeCopied, took)
		worker, err := grownOf(s.running["worker"].Pid())
		if err != nil {
			return err
		}
		api, err := grownOf(s.running[product].Pid())
		if err != nil {
			return err
		}
		if book, took, err = s.imported(ctx, s.codeCount); err != nil {
			return err
		}
		perSecond(&imported, took)
		workerGrown, apiGrown = max(workerGrown, worker()), max(apiGrown, api())
		if took, err = s.copied(ctx, book); err != nil {
			return err
		}
		perSecond(&importedCopied, took)
	}
	s.report.add(
		atLeast("P6", fmt.Sprintf("%d codes made", s.codeCount), made, madeCopied, 0.35, 0.5),
		atLeast("P7", fmt.Sprintf("%d codes imported from CSV", s.codeCount), imported, importedCopied, 0.2, 0.35),
		memory("P7", "memory that the worker grew by", workerGrown),
		memory("P7", "memory that the API grew by", apiGrown))
	return nil
}

// generated has the worker make codes, through the queue.
func (s *stage) generated(ctx context.Context, n int) (uuid.UUID, time.Duration, error) {
	book, err := s.service.CreateBook(ctx, s.owner, coupon.NewSettings("bench"))
	if err != nil {
		return book.ID, 0, err
	}
	start := time.Now()
	job, err := s.queued.SubmitGenerate(ctx, s.owner, service.GenerateRequest{BookID: book.ID, Count: n})
	if err != nil {
		return book.ID, 0, err
	}
	took, err := s.wait(ctx, job.Job.ID, n, start)
	return book.ID, took, err
}

// copied writes a book's coupons into a table like theirs, from a file that COPY
// has made.
func (s *stage) copied(ctx context.Context, book uuid.UUID) (time.Duration, error) {
	file, err := os.Create(filepath.Join(s.dir, "coupons"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	raw := conn.Conn().PgConn()
	if _, err = conn.Exec(ctx, `SET statement_timeout = 0`); err != nil {
		return 0, err
	}
	if _, err = raw.CopyTo(ctx, file, fmt.Sprintf(`COPY (SELECT * FROM coupons WHERE book_id = '%s') TO STDOUT (FORMAT binary)`, book)); err != nil {
		return 0, err
	}
	if _, err = file.Seek(0, 0); err != nil {
		return 0, err
	}
	if _, err = raw.Exec(ctx, twin).ReadAll(); err != nil {
		return 0, err
	}
	if err = s.settle(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = raw.CopyFrom(ctx, bufio.NewReaderSize(file, 1<<20), `COPY bench_coupons FROM STDIN (FORMAT binary)`)
	took := time.Since(start)
	if err == nil {
		_, err = raw.Exec(ctx, `DROP TABLE bench_coupons; RESET statement_timeout`).ReadAll()
	}
	return took, err
}

// imported uploads a file of codes over HTTP and waits for the end of its job.
func (s *stage) imported(ctx context.Context, n int) (uuid.UUID, time.Duration, error) {
	book, err := s.service.CreateBook(ctx, s.owner, coupon.NewSettings("bench"))
	if err != nil {
		return book.ID, 0, err
	}
	file, err := s.codeFile(n)
	if err != nil {
		return book.ID, 0, err
	}
	defer func() { _ = file.Close() }()
	if err = s.settle(ctx); err != nil {
		return book.ID, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.designs[0].host+"/api/v1/books/"+book.ID.String()+"/codes/upload", file)
	if err != nil {
		return book.ID, 0, err
	}
	request.Header.Set("Content-Type", "text/csv")
	request.Header.Set("Authorization", "Bearer "+s.ownerToken)
	start := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return book.ID, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	job, err := uuid.Parse(path.Base(response.Header.Get("Location")))
	if err != nil || response.StatusCode != http.StatusAccepted {
		return book.ID, 0, fmt.Errorf("upload: %s: %w", response.Status, err)
	}
	took, err := s.wait(ctx, job, n, start)
	return book.ID, took, err
}

// codeFile writes random codes, as exports of other systems have them.
func (s *stage) codeFile(n int) (*os.File, error) {
	file, err := os.Create(filepath.Join(s.dir, "codes.csv"))
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(file)
	_, _ = out.WriteString("code\n")
	for range n {
		_, _ = fmt.Fprintf(out, "%s\n", rand.Text())
	}
	if err = out.Flush(); err == nil {
		_, err = file.Seek(0, 0)
	}
	return file, err
}

// memory is a bound on what a process grew by, in KiB.
func memory(goal, what string, grown int) finding {
	return atMost(goal, what, series{Name: product, Unit: "MiB", Values: []float64{float64(grown) / 1024}},
		series{Name: "64 MiB", Unit: "MiB", Values: []float64{64}}, 1, 1)
}

// wait waits for the end of a job, which must have made so many codes.
func (s *stage) wait(ctx context.Context, job uuid.UUID, n int, start time.Time) (time.Duration, error) {
	for !s.ended(ctx, job) {
		<-time.After(20 * time.Millisecond)
	}
	took := time.Since(start)
	var made int
	err := s.pool.QueryRow(ctx, `SELECT succeeded FROM jobs WHERE id = $1`, job).Scan(&made)
	if err == nil && made != n {
		err = fmt.Errorf("%d codes instead of %d", made, n)
	}
	return took, err
}
