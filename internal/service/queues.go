package service

import (
	"context"
	"log/slog"

	"couponbook/internal/coupon"
)

// QueueState is a queue as its tables and, where Redis answers, its tasks say.
type QueueState struct {
	coupon.QueueStats
	Tasks *coupon.TaskCount // nil: Redis is away
}

// Queues tells how far the work is behind; count asks for the tasks.
func (s *Service) Queues(ctx context.Context, count func(context.Context) (map[string]coupon.TaskCount, error)) ([]QueueState, error) {
	stats, err := s.store.Queues(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := count(ctx)
	if err != nil {
		slog.WarnContext(ctx, "tasks not counted", "error", err)
	}
	states := make([]QueueState, len(stats))
	for i, q := range stats {
		states[i].QueueStats = q
		if count, found := tasks[q.Name]; found {
			states[i].Tasks = &count
		}
	}
	return states, nil
}
