package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const userColumns = `u.id, u.role, u.name, u.email, u.external_id, u.password_hash, u.disabled_at, u.erased_at, u.created_at,
	u.factor_secret, u.factor_since, u.factor_step, u.recovery_digests`

// AddUser stores a new user, or fails with ErrEmailTaken or ErrExternalIDTaken.
func (s *Store) AddUser(ctx context.Context, user coupon.User) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO users (id, role, name, email, external_id, password_hash)
		VALUES (@id, @role, @name, @email, @external_id, @password_hash)`,
		pgx.StrictNamedArgs{
			"id": user.ID, "role": user.Role, "name": user.Name, "email": user.Email,
			"external_id": user.ExternalID, "password_hash": user.PasswordHash,
		})
	switch {
	case violates(err, "users_email_key"):
		return coupon.ErrEmailTaken
	case violates(err, "users_external_id_key"):
		return coupon.ErrExternalIDTaken
	}
	return err
}

// User returns a user, or ErrUserNotFound.
func (s *Store) User(ctx context.Context, id uuid.UUID) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrUserNotFound,
		`SELECT `+userColumns+` FROM users u WHERE id = @id`, pgx.StrictNamedArgs{"id": id})
}

// UserByEmail returns the user with the folded e-mail, or ErrUserNotFound.
func (s *Store) UserByEmail(ctx context.Context, email string) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrUserNotFound,
		`SELECT `+userColumns+` FROM users u WHERE email = @email`, pgx.StrictNamedArgs{"email": email})
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

// Users lists users, newest first.
func (s *Store) Users(ctx context.Context, f coupon.UserFilter, limit int) ([]coupon.User, error) {
	n := narrowed{`TRUE`, pgx.StrictNamedArgs{"limit": limit}}
	n.by(f.Before != nil, `u.id < @before`, "before", f.Before)
	n.by(f.Email != "", `u.email = @email`, "email", f.Email)
	n.by(f.Role != nil, `u.role = @role`, "role", f.Role)
	n.by(f.Disabled != nil, `(u.disabled_at IS NOT NULL) = @disabled`, "disabled", f.Disabled)
	n.by(f.Prefix != "", `(u.email COLLATE "C" >= lower(@from) AND u.email COLLATE "C" < lower(@from) || U&'\+10FFFF'
		OR u.external_id COLLATE "C" >= @from AND u.external_id COLLATE "C" < @from || U&'\+10FFFF')`, "from", f.Prefix)
	return all[coupon.User](ctx, s.db, `SELECT `+userColumns+` FROM users u WHERE `+n.where+` ORDER BY u.id DESC LIMIT @limit`, n.args)
}

// UserForUpdate returns a user and holds him until the transaction ends, or fails
// with ErrUserNotFound.
func (s *Store) UserForUpdate(ctx context.Context, id uuid.UUID) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrUserNotFound,
		`SELECT `+userColumns+` FROM users u WHERE id = @id FOR NO KEY UPDATE`, pgx.StrictNamedArgs{"id": id})
}

// HoldAdmins holds all admins who can sign in and returns them, so that no two
// of them can take the other's role at once.
func (s *Store) HoldAdmins(ctx context.Context) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR NO KEY UPDATE`)
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// SaveUser writes what can change of a user, or fails with ErrEmailTaken.
func (s *Store) SaveUser(ctx context.Context, user coupon.User) error {
	_, err := s.db.Exec(ctx, `
		UPDATE users SET role = @role, name = @name, email = @email, external_id = @external_id, password_hash = @password_hash,
		                 disabled_at = @disabled_at, erased_at = @erased_at, factor_secret = @factor_secret, factor_since = @factor_since,
		                 factor_step = @factor_step, recovery_digests = coalesce(@recovery_digests::bytea[], '{}')
		WHERE id = @id`,
		pgx.StrictNamedArgs{
			"id": user.ID, "role": user.Role, "name": user.Name, "email": user.Email, "external_id": user.ExternalID,
			"password_hash": user.PasswordHash, "disabled_at": user.DisabledAt, "erased_at": user.ErasedAt,
			"factor_secret": user.FactorSecret, "factor_since": user.FactorSince, "factor_step": user.FactorStep,
			"recovery_digests": user.RecoveryDigests,
		})
	if violates(err, "users_email_key") {
		return coupon.ErrEmailTaken
	}
	return err
}

// ForgetUser takes a user out of pools. His coupons and what he did stay.
func (s *Store) ForgetUser(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		WITH left_pools AS (DELETE FROM pool_members WHERE user_id = @id RETURNING pool_id)
		UPDATE pools SET members = members - 1 FROM left_pools WHERE pools.id = left_pools.pool_id`, pgx.StrictNamedArgs{"id": id})
	return err
}
