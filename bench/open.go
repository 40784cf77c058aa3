package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"
)

// paced is what came of requests that were due at fixed times, whether earlier
// ones were answered or not: who waited for a connection waited, too.
type paced struct {
	statuses map[int]int
	accepted *hdrhistogram.Histogram // microseconds from when it was due until it was answered
	due      map[uuid.UUID]time.Time // of the jobs
}

// pace sends so many requests a second over as many connections.
func pace(host string, requests []request, connections int, rate float64) (paced, error) {
	all := paced{map[int]int{}, hdrhistogram.New(1, 60_000_000, 3), make(map[uuid.UUID]time.Time, len(requests))}
	var (
		next     atomic.Int64
		mutex    sync.Mutex
		failures = make([]error, connections)
		done     sync.WaitGroup
		start    = time.Now().Add(100 * time.Millisecond)
	)
	for i := range connections {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial("tcp", host)
		if err != nil {
			return all, err
		}
		done.Go(func() {
			defer func() { _ = conn.Close() }()
			reader := bufio.NewReaderSize(conn, 4096)
			for failures[i] == nil {
				n := int(next.Add(1) - 1)
				if n >= len(requests) {
					return
				}
				due := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
				<-time.After(time.Until(due))
				var status int
				var job uuid.UUID
				status, job, failures[i] = exchange(conn, reader, requests[n])
				mutex.Lock()
				all.statuses[status]++
				_ = all.accepted.RecordValue(time.Since(due).Microseconds())
				if job != uuid.Nil {
					all.due[job] = due
				}
				mutex.Unlock()
			}
		})
	}
	done.Wait()
	return all, errors.Join(failures...)
}

// exchange sends one request, and returns the status and the job of the answer.
func exchange(conn net.Conn, reader *bufio.Reader, r request) (int, uuid.UUID, error) {
	if _, err := conn.Write(r); err != nil {
		return 0, uuid.Nil, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return 0, uuid.Nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	job, _ := uuid.Parse(path.Base(response.Header.Get("Location")))
	return response.StatusCode, job, err
}

// outcomes notes when each job is told to have ended, by the message that wakes
// who waits for it: that is after its commit.
type outcomes struct {
	mutex sync.Mutex
	ended map[uuid.UUID]time.Time
}

func (o *outcomes) note(jobs []uuid.UUID) {
	now := time.Now()
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for _, job := range jobs {
		o.ended[job] = now
	}
}

// after are the times from when claims were due until they had an outcome.
func (o *outcomes) after(due map[uuid.UUID]time.Time) (*hdrhistogram.Histogram, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	took := hdrhistogram.New(1, 120_000_000, 3)
	missing := 0
	for job, at := range due {
		ended, told := o.ended[job]
		if !told {
			missing++
			continue
		}
		_ = took.RecordValue(ended.Sub(at).Microseconds())
	}
	if missing > 0 {
		return nil, fmt.Errorf("the outcome of %d of %d claims was not told", missing, len(due))
	}
	return took, nil
}

// quantiles are p50, p95, p99 and the longest, in milliseconds.
func quantiles(h *hdrhistogram.Histogram) string {
	ms := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	parts := make([]string, 0, 4)
	for _, q := range []float64{50, 95, 99} {
		parts = append(parts, fmt.Sprintf("p%.0f %.1f ms", q, ms(q)))
	}
	return fmt.Sprint(slices.Concat(parts, []string{fmt.Sprintf("longest %.1f ms", float64(h.Max())/1000)}))
}
