package service

import (
	"context"
	"errors"
	"time"

	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// noteAll writes attempts down in groups as they come in.
func (r *sending) noteAll(ctx context.Context, tried <-chan postgres.Tried) (err error) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	var group []postgres.Tried
	note := func() {
		if err == nil && len(group) > 0 {
			if err = r.note(ctx, group); err != nil {
				r.over.Store(true)
			}
		}
		group = nil
	}
	for {
		select {
		case t, more := <-tried:
			if !more {
				note()
				return err
			}
			group = append(group, t)
		case <-tick.C:
			note()
		}
	}
}

// note writes a group of attempts down, and what they mean for the endpoint.
func (r *sending) note(ctx context.Context, group []postgres.Tried) error {
	err := r.store.InTx(ctx, func(tx *postgres.Store) error {
		e, err := tx.EndpointForUpdate(ctx, r.endpoint.ID)
		gone := errors.Is(err, coupon.ErrEndpointNotFound) // it was deleted meanwhile
		if err != nil && !gone {
			return err
		}
		if err = tx.NoteTried(ctx, group); err != nil || gone {
			r.over.Store(true)
			return err
		}
		return r.judge(ctx, tx, e, group)
	})
	if err != nil {
		return err
	}
	for _, t := range group {
		if t.Attempt.Verdict == coupon.Delivered {
			r.sent.Delivered++
		} else {
			r.sent.Failed++
		}
	}
	return nil
}

// judge brings the endpoint, which is held, to what attempts say of it: its
// health, a word to its owner, or its end.
func (r *sending) judge(ctx context.Context, tx *postgres.Store, e coupon.Endpoint, group []postgres.Tried) error {
	now := time.Now()
	var why coupon.DisabledReason
	for _, t := range group {
		e.EndpointHealth = e.After(t.Attempt, now)
		if t.Attempt.Verdict == coupon.Disable {
			why = t.Attempt.Disabled
		}
	}
	notice := e.Notice(now)
	if notice > 0 {
		e.ToldPercent = notice
	}
	if notice == 100 && why == "" {
		why = coupon.DisabledFailing
	}
	r.health = e.EndpointHealth
	if err := tx.SaveHealth(ctx, e.ID, e.EndpointHealth); err != nil {
		return err
	}
	err := tx.KeepLease(ctx, e.ID, r.id, sendingLease)
	lost := errors.Is(err, coupon.ErrEndpointNotFound)
	if err != nil && !lost {
		return err
	}
	if lost || e.Status != coupon.EndpointEnabled || why != "" || e.Open(now) {
		r.over.Store(true)
	}
	switch {
	case e.Status == coupon.EndpointDisabled:
		return nil
	case why != "":
		_, err := r.move(ctx, tx, e, coupon.EndpointDisabled, nil, why)
		return err
	case notice > 0:
		return tellOfEndpoint(ctx, tx, e, coupon.EndpointFailing, nil,
			coupon.EndpointData{EndpointID: e.ID, Percent: notice, Failures: e.Failures, FailingSince: e.FailingSince})
	}
	return nil
}
