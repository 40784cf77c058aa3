package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// request is a claim as it goes over the wire. It is written before the clock
// starts: the generator shares two cores with what it measures.
type request []byte

func newRequest(host, book, token, key, prefer string) request {
	return fmt.Appendf(nil, "POST /api/v1/books/%s/claims HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Idempotency-Key: %s\r\nPrefer: %s\r\nContent-Length: 0\r\n\r\n", book, host, token, key, prefer)
}

// answers counts statuses and times.
type answers struct {
	took     time.Duration
	statuses map[int]int
	latency  *hdrhistogram.Histogram // microseconds
}

// send sends the requests over as many connections, each waiting for its
// answer before the next.
func send(host string, requests []request, connections int) (answers, error) {
	next := make(chan request, len(requests))
	for _, r := range requests {
		next <- r
	}
	close(next)
	total := answers{statuses: map[int]int{}, latency: hdrhistogram.New(1, 60_000_000, 3)}
	parts, failures := make([][]answered, connections), make([]error, connections)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range connections {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).Dial("tcp", host)
		if err != nil {
			return total, err
		}
		all.Go(func() {
			defer func() { _ = conn.Close() }()
			<-begin
			parts[i], failures[i] = talk(conn, next)
		})
	}
	start := time.Now()
	close(begin)
	all.Wait()
	total.took = time.Since(start)
	for _, one := range slices.Concat(parts...) {
		total.statuses[one.status]++
		_ = total.latency.RecordValue(one.took.Microseconds())
	}
	return total, errors.Join(failures...)
}

// answered is one answer. They are added up after the clock has stopped: a
// histogram for each connection would cost more than what is measured.
type answered struct {
	status int
	took   time.Duration
}

func talk(conn net.Conn, next <-chan request) (mine []answered, err error) {
	reader := bufio.NewReaderSize(conn, 4096)
	for r := range next {
		start := time.Now()
		if _, err := conn.Write(r); err != nil {
			return mine, err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return mine, err
		}
		if _, err = io.Copy(io.Discard, response.Body); err != nil {
			return mine, err
		}
		_ = response.Body.Close()
		mine = append(mine, answered{response.StatusCode, time.Since(start)})
	}
	return mine, nil
}
