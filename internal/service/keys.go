package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/expirable"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// keyMemory is how long a key is believed without asking Postgres, and so how
// long a revoked one goes on working in other processes.
const keyMemory = 2 * time.Second

// keyCache remembers live keys by prefix, so that a flash sale through one key
// does not read its row for every claim.
type keyCache = expirable.LRU[string, coupon.APIKey]

func newKeyCache() *keyCache {
	return expirable.NewLRU[string, coupon.APIKey](10_000, nil, keyMemory)
}

// NewAPIKey is a request for a key. It belongs to the owner, or to who asks.
type NewAPIKey struct {
	Name      string
	OwnerID   *uuid.UUID
	Scopes    []auth.Scope
	ExpiresAt *time.Time
}

// CreateAPIKey makes a key and returns its text, which is shown this once.
func (a *Accounts) CreateAPIKey(ctx context.Context, p auth.Principal, in NewAPIKey) (coupon.APIKey, string, error) {
	if len(in.Scopes) == 0 {
		return coupon.APIKey{}, "", coupon.InvalidInput(coupon.Field{Pointer: "/scopes", Detail: "name at least one scope"})
	}
	if in.ExpiresAt != nil && in.ExpiresAt.Before(time.Now()) {
		return coupon.APIKey{}, "", coupon.InvalidInput(coupon.Field{Pointer: "/expires_at", Detail: "must be in the future"})
	}
	owner, err := a.keyOwner(ctx, p, in.OwnerID)
	if err != nil {
		return coupon.APIKey{}, "", err
	}
	text, prefix, digest := auth.NewKey()
	key := coupon.APIKey{
		ID: uuid.Must(uuid.NewV7()), OwnerID: owner.ID, OwnerRole: owner.Role, Name: in.Name,
		Prefix: prefix, SecretHash: digest, ExpiresAt: in.ExpiresAt, CreatedAt: time.Now(),
	}
	for _, scope := range in.Scopes {
		key.Scopes = append(key.Scopes, string(scope))
	}
	slices.Sort(key.Scopes)
	key.Scopes = slices.Compact(key.Scopes)
	return key, text, a.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := tx.AddAPIKey(ctx, key); err != nil {
			return err
		}
		return tellOfKey(ctx, tx, key, coupon.APIKeyCreated, p)
	})
}

func tellOfKey(ctx context.Context, tx *postgres.Store, key coupon.APIKey, event coupon.EventType, p auth.Principal) error {
	data, err := json.Marshal(coupon.APIKeyData{APIKeyID: key.ID, OwnerID: key.OwnerID, Name: key.Name, Scopes: key.Scopes})
	if err != nil {
		return err
	}
	return tx.AddEvent(ctx, postgres.Event{Type: event, UserID: &key.OwnerID, ActorID: &p.UserID, Data: data})
}

func (a *Accounts) keyOwner(ctx context.Context, p auth.Principal, id *uuid.UUID) (coupon.User, error) {
	if id == nil {
		return a.store.User(ctx, p.UserID)
	}
	owner, err := a.store.User(ctx, *id)
	if errors.Is(err, coupon.ErrUserNotFound) {
		return owner, coupon.InvalidInput(coupon.Field{Pointer: "/owner_id", Detail: "there is no such user"})
	}
	return owner, err
}

// APIKeys lists the keys that are not revoked, newest first, at most 500.
func (a *Accounts) APIKeys(ctx context.Context) ([]coupon.APIKey, error) {
	return a.store.APIKeys(ctx)
}

// RevokeAPIKey ends a key: at once in this process, within two seconds in others.
func (a *Accounts) RevokeAPIKey(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	err := a.store.InTx(ctx, func(tx *postgres.Store) error {
		key, err := tx.RevokeAPIKey(ctx, id)
		if err != nil {
			return err
		}
		return tellOfKey(ctx, tx, key, coupon.APIKeyRevoked, p)
	})
	a.keys.Purge()
	return err
}

// KeyPrincipal returns who an API key acts for, or ErrUnauthenticated.
func (a *Accounts) KeyPrincipal(ctx context.Context, text string) (auth.Principal, error) {
	prefix, secret, ok := auth.SplitKey(text)
	if !ok {
		return auth.Principal{}, coupon.ErrUnauthenticated
	}
	key, known := a.keys.Get(prefix)
	if !known {
		var err error
		if key, err = a.store.LiveAPIKey(ctx, prefix); errors.Is(err, coupon.ErrKeyNotFound) {
			return auth.Principal{}, coupon.ErrUnauthenticated
		} else if err != nil {
			return auth.Principal{}, err
		}
		a.keys.Add(prefix, key)
	}
	if !auth.SecretMatches(secret, key.SecretHash) || key.ExpiresAt != nil && !time.Now().Before(*key.ExpiresAt) {
		return auth.Principal{}, coupon.ErrUnauthenticated
	}
	p := auth.Principal{UserID: key.OwnerID, Role: key.OwnerRole, KeyID: &key.ID}
	for _, scope := range key.Scopes {
		p.Scopes = append(p.Scopes, auth.Scope(scope))
	}
	return p, nil
}
