// Package jobs is the queue's door: it turns tasks into calls of use cases,
// and runs the loops that make up for tasks that got lost.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"couponbook/internal/metrics"
	"couponbook/internal/queue"
	"couponbook/internal/service"
	"couponbook/internal/tracing"
)

// Handler answers the tasks of all queues. heard is told of a book before it is
// looked at: from then on claims ring again.
func Handler(heard func(ctx context.Context, bookID uuid.UUID) error, s *service.Service, d *service.Drainer, w *service.Webhooks) asynq.Handler {
	mux := asynq.NewServeMux()
	mux.HandleFunc(queue.DrainAssignments, job(func(ctx context.Context, book uuid.UUID) (string, error) {
		if err := heard(ctx, book); err != nil { // it ends by itself, too
			slog.WarnContext(ctx, "doorbell not cleared", "book_id", book, "error", err)
		}
		done, err := d.Drain(ctx, book)
		if done.Taken && done.Granted+done.Refused == 0 {
			return "another worker drains this book", err
		}
		return fmt.Sprintf("%d granted, %d refused", done.Granted, done.Refused), err
	}))
	mux.HandleFunc(queue.DeliverWebhooks, job(func(ctx context.Context, endpoint uuid.UUID) (string, error) {
		sent, err := w.Deliver(ctx, endpoint)
		if sent.Left {
			return "another worker sends to this endpoint, or it is left alone", err
		}
		return fmt.Sprintf("%d delivered, %d failed", sent.Delivered, sent.Failed), err
	}))
	for kind, bell := range queue.BellOf {
		mux.HandleFunc(bell.Task, job(func(ctx context.Context, id uuid.UUID) (string, error) { return s.RunBulk(ctx, kind, id) }))
	}
	return mux
}

// safely makes a panic an error: asynq would retry the task at once, and then
// archive it.
func safely(ctx context.Context, id uuid.UUID, work func(context.Context, uuid.UUID) (string, error)) (result string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return work(ctx, id)
}

// job adapts a use case to asynq: one id in, one line for asynqmon out. A
// failure is logged here and ends the task: the rows still wait, and the
// sweeper rings for them. asynq must not retry into its archive.
func job(work func(context.Context, uuid.UUID) (string, error)) asynq.HandlerFunc {
	return func(ctx context.Context, task *asynq.Task) error {
		id, err := uuid.ParseBytes(task.Payload())
		if err != nil {
			slog.ErrorContext(ctx, "task has no id", "task", task.Type(), "error", err)
			return nil
		}
		start := time.Now()
		ctx, span := tracing.Start(ctx, task.Type(), "id", id.String())
		result, err := safely(ctx, id, work)
		span.Close(err)
		metrics.Tasks.WithLabelValues(task.Type(), metrics.Result(err)).Observe(metrics.Since(start))
		line := slog.With("task", task.Type(), "id", id, "duration_ms", time.Since(start).Milliseconds())
		if trace := tracing.ID(ctx); trace != "" {
			line = line.With("trace_id", trace)
		}
		if err != nil {
			result += "; stopped by an error, the sweeper goes on"
			line.ErrorContext(ctx, "task", "result", result, "error", err)
		} else {
			line.InfoContext(ctx, "task", "result", result)
		}
		if writer := task.ResultWriter(); writer != nil {
			_, _ = writer.Write([]byte(result)) // for people who look at asynqmon
		}
		return nil
	}
}
