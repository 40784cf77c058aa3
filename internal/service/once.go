package service

import (
	"context"
	"encoding/json"
	"errors"
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
type Keyed struct {
	cases UseCases
	seal  auth.Seal // answers have secrets in them
}

// NewKeyed makes use cases safe to repeat.
func NewKeyed(cases UseCases, seal auth.Seal) *Keyed { return &Keyed{cases, seal} }

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
			return k.read(stored, answer)
		}
		if err = work(k.within(tx, &bells)); err != nil {
			return err
		}
		data, err := json.Marshal(answer)
		if err == nil {
			data, err = json.Marshal(k.seal.Close(data))
		}
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

func (k *Keyed) read(stored json.RawMessage, answer any) error {
	var sealed []byte
	if err := json.Unmarshal(stored, &sealed); err != nil { // the till keeps its own, unsealed
		return coupon.ErrKeyReused
	}
	data, err := k.seal.Open(sealed)
	if errors.Is(err, auth.ErrSeal) {
		return coupon.ErrKeyReused.With("The answer to this Idempotency-Key cannot be read any more, since AUTH_SECRET has changed: see what the request did, and use a new key.")
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, answer)
}

// within are the use cases on a transaction. What they ring for rings after it.
func (k *Keyed) within(tx *postgres.Store, later *bells) UseCases {
	s := &Service{ShedAfter: k.cases.Service.ShedAfter, store: tx, queue: k.cases.Service.queue, later: later}
	accounts := *k.cases.Accounts
	accounts.store = tx
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
