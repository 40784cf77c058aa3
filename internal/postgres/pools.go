package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const poolColumns = `id, owner_id, name, description, members, version, created_at, updated_at`

// AddPool stores a new pool without members.
func (s *Store) AddPool(ctx context.Context, pool coupon.Pool) (coupon.Pool, error) {
	return one[coupon.Pool](ctx, s.db, nil, `
		INSERT INTO pools (id, owner_id, name, description) VALUES (@id, @owner_id, @name, @description)
		RETURNING `+poolColumns,
		pgx.StrictNamedArgs{"id": pool.ID, "owner_id": pool.OwnerID, "name": pool.Name, "description": pool.Description})
}

// Pool returns a pool, or ErrPoolNotFound.
func (s *Store) Pool(ctx context.Context, id uuid.UUID) (coupon.Pool, error) {
	return s.pool(ctx, id, ``)
}

// PoolForUpdate returns a pool that nobody else changes until the end of the
// transaction.
func (s *Store) PoolForUpdate(ctx context.Context, id uuid.UUID) (coupon.Pool, error) {
	return s.pool(ctx, id, ` FOR UPDATE`)
}

func (s *Store) pool(ctx context.Context, id uuid.UUID, hold string) (coupon.Pool, error) {
	return one[coupon.Pool](ctx, s.db, coupon.ErrPoolNotFound,
		`SELECT `+poolColumns+` FROM pools WHERE id = @id AND deleted_at IS NULL`+hold, pgx.StrictNamedArgs{"id": id})
}

// KeepPool keeps a pool from being deleted until the end of the transaction, or
// fails with ErrPoolNotFound.
func (s *Store) KeepPool(ctx context.Context, id uuid.UUID) error {
	_, err := s.pool(ctx, id, ` FOR KEY SHARE`)
	return err
}

// Pools lists pools, newest first; of one owner, or all.
func (s *Store) Pools(ctx context.Context, owner, before *uuid.UUID, limit int) ([]coupon.Pool, error) {
	return all[coupon.Pool](ctx, s.db, `
		SELECT `+poolColumns+` FROM pools
		WHERE deleted_at IS NULL AND (@owner::uuid IS NULL OR owner_id = @owner) AND (@before::uuid IS NULL OR id < @before)
		ORDER BY id DESC LIMIT @limit`, pgx.StrictNamedArgs{"owner": owner, "before": before, "limit": limit})
}

// SavePool stores a changed pool and returns it with its next version. Hold it
// by PoolForUpdate first.
func (s *Store) SavePool(ctx context.Context, pool coupon.Pool) (coupon.Pool, error) {
	return one[coupon.Pool](ctx, s.db, coupon.ErrPoolNotFound, `
		UPDATE pools SET name = @name, description = @description, version = version + 1, updated_at = clock_timestamp()
		WHERE id = @id RETURNING `+poolColumns,
		pgx.StrictNamedArgs{"id": pool.ID, "name": pool.Name, "description": pool.Description})
}

// DeletePool takes a pool out of sight, or fails with ErrPoolInUse while a job
// of it is under way. Hold it by PoolForUpdate first.
func (s *Store) DeletePool(ctx context.Context, id uuid.UUID) error {
	tag, err := s.db.Exec(ctx, `
		UPDATE pools SET deleted_at = clock_timestamp()
		WHERE id = @id AND NOT EXISTS (SELECT FROM jobs WHERE pool_id = @id AND finished_at IS NULL)`, pgx.StrictNamedArgs{"id": id})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrPoolInUse
	}
	return err
}

// DropMembers forgets up to limit members of deleted pools, and then the pools,
// and returns how many members.
func (s *Store) DropMembers(ctx context.Context, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		DELETE FROM pool_members m USING (
			SELECT m.pool_id, m.user_id FROM pools p JOIN pool_members m ON m.pool_id = p.id
			WHERE p.deleted_at IS NOT NULL LIMIT @limit) old
		WHERE m.pool_id = old.pool_id AND m.user_id = old.user_id`, pgx.StrictNamedArgs{"limit": limit})
	if err != nil || tag.RowsAffected() == int64(limit) {
		return int(tag.RowsAffected()), err
	}
	_, err = s.db.Exec(ctx, `
		DELETE FROM pools p
		WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM pool_members WHERE pool_id = p.id)
		  AND NOT EXISTS (SELECT FROM jobs WHERE pool_id = p.id)`, pgx.StrictNamedArgs{})
	return int(tag.RowsAffected()), err
}
