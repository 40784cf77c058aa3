package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
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

// mostNetworks is how many networks a key can name.
const mostNetworks = 20

// NewAPIKey is a request for a key. It belongs to the owner, or to who asks.
type NewAPIKey struct {
	Name      string
	OwnerID   *uuid.UUID
	Scopes    []auth.Scope
	Networks  []netip.Prefix // from where it may be used; none: from anywhere
	ExpiresAt *time.Time
}

func (in NewAPIKey) check() error {
	switch {
	case len(in.Scopes) == 0:
		return coupon.InvalidInput(coupon.Field{Pointer: "/scopes", Detail: "name at least one scope"})
	case in.ExpiresAt != nil && in.ExpiresAt.Before(time.Now()):
		return coupon.InvalidInput(coupon.Field{Pointer: "/expires_at", Detail: "must be in the future"})
	case len(in.Networks) > mostNetworks:
		return coupon.InvalidInput(coupon.Field{Pointer: "/networks", Detail: fmt.Sprintf("must be at most %d", mostNetworks)})
	}
	return nil
}

// CreateAPIKey makes a key and returns its text, which is shown this once.
func (a *Accounts) CreateAPIKey(ctx context.Context, p auth.Principal, in NewAPIKey) (coupon.APIKey, string, error) {
	if err := in.check(); err != nil {
		return coupon.APIKey{}, "", err
	}
	owner, err := a.keyOwner(ctx, p, in.OwnerID)
	if err != nil {
		return coupon.APIKey{}, "", err
	}
	text, prefix, digest := auth.NewKey()
	key := coupon.APIKey{
		ID: uuid.Must(uuid.NewV7()), OwnerID: owner.ID, OwnerRole: owner.Role, Name: in.Name,
		Prefix: prefix, SecretHash: digest, Networks: []netip.Prefix{}, ExpiresAt: in.ExpiresAt, CreatedAt: time.Now(),
	}
	for _, network := range in.Networks {
		key.Networks = append(key.Networks, network.Masked())
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

// RotateAPIKey gives a key another secret, which is shown this once. The one
// before works until overlap is over, so that nobody has to be quick.
func (a *Accounts) RotateAPIKey(ctx context.Context, p auth.Principal, id uuid.UUID, overlap time.Duration) (key coupon.APIKey, text string, err error) {
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		if key, err = tx.APIKey(ctx, id); err != nil {
			return err
		}
		var digest []byte
		text, digest = auth.NewKeySecret(key.Prefix)
		if key, err = tx.RotateAPIKey(ctx, id, digest, overlap); err != nil {
			return err
		}
		return tellOfKey(ctx, tx, key, coupon.APIKeyRotated, p)
	})
	a.forgetKeys()
	return key, text, err
}

// auditKey is what the audit log tells of a key.
type auditKey struct {
	Name      string
	OwnerID   uuid.UUID
	Scopes    []string
	Networks  []netip.Prefix
	ExpiresAt *time.Time
}

var keyActions = map[coupon.EventType]coupon.Action{
	coupon.APIKeyCreated: coupon.KeyCreate, coupon.APIKeyRotated: coupon.KeyRotate, coupon.APIKeyRevoked: coupon.KeyRevoke,
}

// tellOfKey tells what became of a key, and notes who did it.
func tellOfKey(ctx context.Context, tx *postgres.Store, key coupon.APIKey, event coupon.EventType, p auth.Principal) error {
	err := audit(ctx, tx, p, keyActions[event], key.ID, nil, auditKey{key.Name, key.OwnerID, key.Scopes, key.Networks, key.ExpiresAt})
	if err != nil {
		return err
	}
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
	a.forgetKeys()
	return err
}

// forgetKeys has this process ask Postgres about every key anew.
func (a *Accounts) forgetKeys() { a.keys.Purge() }

// KeyPrincipal returns who an API key acts for, or ErrUnauthenticated; from an
// address where it may not be used it is ErrKeyNetwork.
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
	now := time.Now()
	proven := auth.SecretMatches(secret, key.SecretHash) ||
		key.OldSecretUntil != nil && now.Before(*key.OldSecretUntil) && auth.SecretMatches(secret, key.OldSecretHash)
	if !proven || key.ExpiresAt != nil && !now.Before(*key.ExpiresAt) {
		return auth.Principal{}, coupon.ErrUnauthenticated
	}
	if !key.Admits(originOf(ctx).Address) {
		return auth.Principal{}, coupon.ErrKeyNetwork
	}
	a.used.note(key.ID)
	p := auth.Principal{UserID: key.OwnerID, Role: key.OwnerRole, KeyID: &key.ID}
	for _, scope := range key.Scopes {
		p.Scopes = append(p.Scopes, auth.Scope(scope))
	}
	return p, nil
}
