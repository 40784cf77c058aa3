package service

import (
	"context"
	"encoding/json"
	"sync"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// UseCases are those that change something at once, without a job.
type UseCases struct {
	Service  *Service
	Webhooks *Webhooks
	Accounts *Accounts
}

// Keyed makes requests safe to repeat: what a request does, and its answer under
// its idempotency key, are one transaction.
type Keyed struct{ cases UseCases }

// NewKeyed makes use cases safe to repeat.
func NewKeyed(cases UseCases) *Keyed { return &Keyed{cases} }

// secretive is an answer with a secret that is told once: what is kept of it, and
// told again, is the rest.
type secretive interface{ WithoutSecret() any }

// Do lets work do its part with use cases that belong to one transaction, and
// keeps the answer that it has then written. When the key has brought an answer
// before, it is read into answer, and nothing is done. A refusal uses no key up.
func (k *Keyed) Do(ctx context.Context, p auth.Principal, once Once, answer any, work func(UseCases) error) (replayed bool, err error) {
	var bells bells
	err = k.cases.Service.store.InTx(ctx, func(tx *postgres.Store) error {
		stored, err := tx.TakeKey(ctx, p.UserID, once.Key, once.Fingerprint)
		if err != nil {
			return err
		}
		if replayed = stored != nil; replayed {
			return readAnswer(stored, answer)
		}
		if err = work(k.within(tx, &bells)); err != nil {
			return err
		}
		kept := answer
		if s, has := answer.(secretive); has {
			kept = s.WithoutSecret()
		}
		data, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		return tx.StoreAnswer(ctx, p.UserID, once.Key, data)
	})
	if err == nil {
		bells.ring(k.cases.Service)
	}
	return replayed, err
}

func readAnswer(stored json.RawMessage, answer any) error {
	if err := json.Unmarshal(stored, answer); err != nil {
		return coupon.ErrKeyReused.With("The answer to this Idempotency-Key was written by another release and cannot be read: see what the request did, and use a new key.")
	}
	return nil
}

// within are the use cases on a transaction. What they ring for rings after it.
func (k *Keyed) within(tx *postgres.Store, later *bells) UseCases {
	s := &Service{ShedAfter: k.cases.Service.ShedAfter, store: tx, queue: k.cases.Service.queue, later: later}
	accounts := *k.cases.Accounts
	accounts.store, accounts.later = tx, later
	return UseCases{s, &Webhooks{s, k.cases.Webhooks.sender}, &accounts}
}

// bells are to be rung once a transaction is committed.
type bells struct {
	mu    sync.Mutex
	rings []func(*Service)
}

func (b *bells) add(ring func(*Service)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings = append(b.rings, ring)
}

func (b *bells) ring(s *Service) {
	for _, ring := range b.rings {
		ring(s)
	}
}
