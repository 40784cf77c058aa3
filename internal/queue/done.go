package queue

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
)

// doneChannel carries the ids of jobs that have ended, 16 bytes each.
const doneChannel = "couponbook:jobs:done"

// PublishDone tells all API processes that jobs have ended. Best effort: who
// waits looks into Postgres every second anyway.
func (c *Client) PublishDone(ctx context.Context, jobs []uuid.UUID) error {
	message := make([]byte, 0, len(jobs)*16)
	for _, id := range jobs {
		message = append(message, id[:]...)
	}
	return c.redis.Publish(ctx, doneChannel, message).Err()
}

// FollowDone calls done for every message until ctx ends. It reconnects by
// itself; what was published meanwhile is lost.
func (c *Client) FollowDone(ctx context.Context, done func([]uuid.UUID)) {
	subscription := c.redis.Subscribe(ctx, doneChannel)
	defer func() { _ = subscription.Close() }()
	messages := subscription.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case message, open := <-messages:
			if !open {
				return
			}
			jobs, err := parseDone(message.Payload)
			if err != nil {
				slog.WarnContext(ctx, "unreadable message", "channel", doneChannel, "error", err)
				continue
			}
			done(jobs)
		}
	}
}

func parseDone(payload string) ([]uuid.UUID, error) {
	if len(payload)%16 != 0 {
		return nil, fmt.Errorf("%d bytes are no list of ids", len(payload))
	}
	jobs := make([]uuid.UUID, 0, len(payload)/16)
	for ; payload != ""; payload = payload[16:] {
		jobs = append(jobs, uuid.UUID([]byte(payload[:16])))
	}
	return jobs, nil
}
