package service

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"couponbook/internal/postgres"
)

// mostDealt is how many events one step of the dispatcher deals out, or hardly more.
const mostDealt = 2000

// Dispatch deals new events out to the endpoints that want them, and rings for
// those. One dispatcher is at work at a time, in whatever worker.
func (w *Webhooks) Dispatch(ctx context.Context) error {
	for {
		var ready []uuid.UUID
		more := false
		err := w.store.InTx(ctx, func(tx *postgres.Store) (err error) {
			var span postgres.EventSpan
			if span, more, err = tx.NextEvents(ctx, mostDealt); err != nil || !more {
				return err
			}
			ready, err = tx.FanOut(ctx, span)
			return err
		})
		if err != nil || !more {
			return err
		}
		w.ringAll(ctx, ready)
	}
}

// ringAll rings for endpoints. Where there is no bell to ring, it sends itself.
func (w *Webhooks) ringAll(ctx context.Context, endpoints []uuid.UUID) {
	for _, id := range endpoints {
		w.ring(ctx, id, func(ctx context.Context) error {
			if w.queue.RingEndpoint(ctx, id) == nil {
				return nil
			}
			_, err := w.Deliver(ctx, id)
			return err
		})
	}
}

// SweepDeliveries rings for endpoints that something waits for: a retry whose
// time has come, or a bell that was lost. It ends what waits for endpoints that
// are disabled or gone.
func (w *Webhooks) SweepDeliveries(ctx context.Context) error {
	ready, err := w.store.ReadyEndpoints(ctx)
	w.ringAll(ctx, ready)
	return errors.Join(err, inBatches(mostDropped, func() (int, error) { return w.store.CancelDeliveries(ctx, mostDropped) }))
}

// DropDeliveries forgets what was sent long ago.
func (w *Webhooks) DropDeliveries(ctx context.Context) error {
	return inBatches(mostDropped, func() (int, error) { return w.store.DropDeliveries(ctx, deliveriesKept, mostDropped) })
}
