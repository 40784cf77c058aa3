package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const userColumns = `id, role, name, email, external_id, password_hash, disabled_at, created_at`

// AddUser stores a new user, or fails with ErrEmailTaken.
func (s *Store) AddUser(ctx context.Context, user coupon.User) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO users (id, role, name, email, external_id, password_hash)
		VALUES (@id, @role, @name, @email, @external_id, @password_hash)`,
		pgx.StrictNamedArgs{
			"id": user.ID, "role": user.Role, "name": user.Name, "email": user.Email,
			"external_id": user.ExternalID, "password_hash": user.PasswordHash,
		})
	if violates(err, "users_email_key") {
		return coupon.ErrEmailTaken
	}
	return err
}

// User returns a user, or ErrUserNotFound.
func (s *Store) User(ctx context.Context, id uuid.UUID) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrUserNotFound,
		`SELECT `+userColumns+` FROM users WHERE id = @id`, pgx.StrictNamedArgs{"id": id})
}

// UserByEmail returns the user with the folded e-mail, or ErrUserNotFound.
func (s *Store) UserByEmail(ctx context.Context, email string) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrUserNotFound,
		`SELECT `+userColumns+` FROM users WHERE email = @email`, pgx.StrictNamedArgs{"email": email})
}

// AddMissingUsers makes users for references that name none. References are
// inserted in order, so that two calls that share some cannot deadlock.
func (s *Store) AddMissingUsers(ctx context.Context, ids []uuid.UUID, emails, externalIDs []*string) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO users (id, email, external_id)
		SELECT id, email, external_id
		FROM unnest(@ids::uuid[], @emails::text[], @external_ids::text[]) AS ref (id, email, external_id)
		ORDER BY email, external_id
		ON CONFLICT DO NOTHING`,
		pgx.StrictNamedArgs{"ids": ids, "emails": emails, "external_ids": externalIDs})
	return err
}

// KnownUser is a user as a reference finds him.
type KnownUser struct {
	ID         uuid.UUID
	Email      *string
	ExternalID *string
}

// KnownUsers finds users by id, e-mail or external id, all in one query.
func (s *Store) KnownUsers(ctx context.Context, ids []uuid.UUID, emails, externalIDs []string) ([]KnownUser, error) {
	return all[KnownUser](ctx, s.db, `
		SELECT id, email, external_id FROM users WHERE id = ANY(@ids)
		UNION ALL
		SELECT id, email, external_id FROM users WHERE email = ANY(@emails)
		UNION ALL
		SELECT id, email, external_id FROM users WHERE external_id = ANY(@external_ids)`,
		pgx.StrictNamedArgs{"ids": ids, "emails": emails, "external_ids": externalIDs})
}

const keyColumns = `k.id, k.owner_id, u.role AS owner_role, k.name, k.prefix, k.secret_hash, k.scopes, k.expires_at, k.created_at`

// AddAPIKey stores a new key.
func (s *Store) AddAPIKey(ctx context.Context, key coupon.APIKey) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO api_keys (id, owner_id, name, prefix, secret_hash, scopes, expires_at)
		VALUES (@id, @owner_id, @name, @prefix, @secret_hash, @scopes, @expires_at)`,
		pgx.StrictNamedArgs{
			"id": key.ID, "owner_id": key.OwnerID, "name": key.Name, "prefix": key.Prefix,
			"secret_hash": key.SecretHash, "scopes": key.Scopes, "expires_at": key.ExpiresAt,
		})
	return err
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
