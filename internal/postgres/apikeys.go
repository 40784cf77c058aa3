package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const keyColumns = `k.id, k.owner_id, u.role AS owner_role, k.name, k.prefix, k.secret_hash, k.old_secret_hash, k.old_secret_until,
	k.scopes, k.networks, k.expires_at, k.last_used_at, k.created_at`

// AddAPIKey stores a new key.
func (s *Store) AddAPIKey(ctx context.Context, key coupon.APIKey) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO api_keys (id, owner_id, name, prefix, secret_hash, scopes, networks, expires_at)
		VALUES (@id, @owner_id, @name, @prefix, @secret_hash, @scopes, @networks, @expires_at)`,
		pgx.StrictNamedArgs{
			"id": key.ID, "owner_id": key.OwnerID, "name": key.Name, "prefix": key.Prefix,
			"secret_hash": key.SecretHash, "scopes": key.Scopes, "networks": key.Networks, "expires_at": key.ExpiresAt,
		})
	return err
}

// APIKey returns a key that is not revoked, or ErrKeyNotFound.
func (s *Store) APIKey(ctx context.Context, id uuid.UUID) (coupon.APIKey, error) {
	return one[coupon.APIKey](ctx, s.db, coupon.ErrKeyNotFound, `
		SELECT `+keyColumns+` FROM api_keys k JOIN users u ON u.id = k.owner_id WHERE k.id = @id AND k.revoked_at IS NULL`,
		pgx.StrictNamedArgs{"id": id})
}

// LiveAPIKey returns the key with the prefix, unless it is revoked, expired or
// its owner disabled: then it is ErrKeyNotFound.
func (s *Store) LiveAPIKey(ctx context.Context, prefix string) (coupon.APIKey, error) {
	return one[coupon.APIKey](ctx, s.db, coupon.ErrKeyNotFound, `
		SELECT `+keyColumns+`
		FROM api_keys k JOIN users u ON u.id = k.owner_id
		WHERE k.prefix = @prefix AND k.revoked_at IS NULL AND u.disabled_at IS NULL
		  AND (k.expires_at IS NULL OR k.expires_at > now())`,
		pgx.StrictNamedArgs{"prefix": prefix})
}

// APIKeys lists the keys that are not revoked, newest first.
func (s *Store) APIKeys(ctx context.Context) ([]coupon.APIKey, error) {
	return all[coupon.APIKey](ctx, s.db, `
		SELECT `+keyColumns+`
		FROM api_keys k JOIN users u ON u.id = k.owner_id
		WHERE k.revoked_at IS NULL
		ORDER BY k.id DESC LIMIT 500`, pgx.StrictNamedArgs{})
}

// RevokeAPIKey ends a key for good and returns it, or fails with ErrKeyNotFound.
func (s *Store) RevokeAPIKey(ctx context.Context, id uuid.UUID) (coupon.APIKey, error) {
	return one[coupon.APIKey](ctx, s.db, coupon.ErrKeyNotFound, `
		UPDATE api_keys k SET revoked_at = now() FROM users u
		WHERE k.id = @id AND revoked_at IS NULL AND u.id = k.owner_id
		RETURNING `+keyColumns, pgx.StrictNamedArgs{"id": id})
}

// RotateAPIKey gives a key another secret; the one before works until overlap is
// over. A key that is not live is ErrKeyNotFound.
func (s *Store) RotateAPIKey(ctx context.Context, id uuid.UUID, digest []byte, overlap time.Duration) (coupon.APIKey, error) {
	return one[coupon.APIKey](ctx, s.db, coupon.ErrKeyNotFound, `
		UPDATE api_keys k SET secret_hash = @digest, old_secret_hash = k.secret_hash, old_secret_until = now() + @overlap::interval
		FROM users u
		WHERE k.id = @id AND revoked_at IS NULL AND u.id = k.owner_id
		RETURNING `+keyColumns, pgx.StrictNamedArgs{"id": id, "digest": digest, "overlap": overlap})
}

// RevokeAPIKeys ends all keys that act for a user.
func (s *Store) RevokeAPIKeys(ctx context.Context, ownerID uuid.UUID) error {
	_, err := s.db.Exec(ctx, `UPDATE api_keys SET revoked_at = now() WHERE owner_id = @owner_id AND revoked_at IS NULL`,
		pgx.StrictNamedArgs{"owner_id": ownerID})
	return err
}

// UsedAPIKeys notes that keys were used just now.
func (s *Store) UsedAPIKeys(ctx context.Context, ids []uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE api_keys SET last_used_at = now()
		WHERE id IN (SELECT id FROM api_keys WHERE id = ANY(@ids) ORDER BY id FOR UPDATE)`, pgx.StrictNamedArgs{"ids": ids})
	return err
}
