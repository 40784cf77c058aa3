package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/google/uuid"
)

const streams = 2_000

// weights measures what a waiting claim, an open stream and a million codes
// take of memory and disk.
func (s *stage) weights(ctx context.Context, all *shape) error {
	if err := s.running["worker"].Stop(); err != nil {
		return err
	}
	book, err := s.book(ctx, claims)
	if err != nil {
		return err
	}
	jobsBefore, err := s.weight(ctx, "jobs")
	if err != nil {
		return err
	}
	redisBefore, err := s.redisMemory(ctx)
	if err != nil {
		return err
	}
	if _, err = send(s.designs[0].host, s.requests(s.designs[0], book, claims, "respond-async"), connections); err != nil {
		return err
	}
	jobsAfter, err := s.weight(ctx, "jobs")
	if err != nil {
		return err
	}
	redisAfter, err := s.redisMemory(ctx)
	if err != nil {
		return err
	}
	all.cost("a claim that waits: %.0f B in Postgres with its index entries, %.0f B in Redis", (jobsAfter-jobsBefore)/claims, (redisAfter-redisBefore)/claims)
	if err = s.weighStreams(ctx, all, book); err != nil {
		return err
	}
	if _, err = s.start(ctx, "worker", "worker", s.env); err != nil {
		return err
	}
	if err = s.untilLeft(ctx, s.designs[0], book, 0); err != nil {
		return err
	}
	couponsBefore, err := s.weight(ctx, "coupons")
	if err != nil {
		return err
	}
	if _, err = s.book(ctx, 1_000_000); err != nil {
		return err
	}
	couponsAfter, err := s.weight(ctx, "coupons")
	all.cost("a million codes: %.0f MiB in Postgres with their index entries", (couponsAfter-couponsBefore)/(1<<20))
	return err
}

// weighStreams opens streams of jobs that wait.
func (s *stage) weighStreams(ctx context.Context, all *shape, book uuid.UUID) error {
	waiting, err := s.mine(ctx, `SELECT id, user_id FROM jobs WHERE book_id = $1 AND status = 'queued' LIMIT $2`, book, streams)
	if err != nil {
		return err
	}
	before, err := s.vitalOf(ctx, product, "process_resident_memory_bytes")
	if err != nil {
		return err
	}
	for _, job := range waiting {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", s.designs[0].host)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if _, err = fmt.Fprintf(conn, "GET /api/v1/jobs/%s/stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
			job.id, s.designs[0].host, job.token); err != nil {
			return err
		}
		answer := make([]byte, 512)
		if read, err := conn.Read(answer); err != nil || string(answer[:15]) != "HTTP/1.1 200 OK" {
			return fmt.Errorf("no stream: %s %w", answer[:read], err)
		}
	}
	after, err := s.vitalOf(ctx, product, "process_resident_memory_bytes")
	all.cost("an open stream: %.0f KiB of the API", (after-before)/streams/1024)
	return err
}

// weight is how many bytes a table has, indexes and all.
func (s *stage) weight(ctx context.Context, table string) (bytes float64, err error) {
	if err = s.patiently(ctx, `VACUUM `+table); err == nil {
		err = s.pool.QueryRow(ctx, `SELECT pg_total_relation_size($1::text::regclass)`, table).Scan(&bytes)
	}
	return bytes, err
}
