package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// TakeKey takes an idempotency key for a request that makes no job. It returns
// nil when the key is new, and else the answer that it brought: a request with
// the same key that is under way is waited for. Another request under the same
// key fails with ErrKeyReused.
func (s *Store) TakeKey(ctx context.Context, userID uuid.UUID, key string, fingerprint []byte) (json.RawMessage, error) {
	args := pgx.StrictNamedArgs{"user_id": userID, "key": key, "fingerprint": fingerprint}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO stored_answers (user_id, key, fingerprint) VALUES (@user_id, @key, @fingerprint)
		ON CONFLICT ON CONSTRAINT stored_answers_pkey DO NOTHING`, args)
	if err != nil || tag.RowsAffected() == 1 {
		return nil, err
	}
	delete(args, "fingerprint")
	// A statement of its own: the insert's snapshot may be older than the row.
	stored, err := one[struct {
		Fingerprint []byte
		Answer      json.RawMessage
	}](ctx, s.db, nil, `SELECT fingerprint, answer FROM stored_answers WHERE user_id = @user_id AND key = @key`, args)
	if err == nil && !bytes.Equal(stored.Fingerprint, fingerprint) {
		err = coupon.ErrKeyReused
	}
	return stored.Answer, err
}

// StoreAnswer keeps the answer under the key that the transaction has taken.
func (s *Store) StoreAnswer(ctx context.Context, userID uuid.UUID, key string, answer json.RawMessage) error {
	_, err := s.db.Exec(ctx, `UPDATE stored_answers SET answer = @answer WHERE user_id = @user_id AND key = @key`,
		pgx.StrictNamedArgs{"user_id": userID, "key": key, "answer": answer})
	return err
}

// DropAnswers forgets up to limit answers that are older than age, and returns
// how many.
func (s *Store) DropAnswers(ctx context.Context, age time.Duration, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		DELETE FROM stored_answers WHERE (user_id, key) IN (
			SELECT user_id, key FROM stored_answers WHERE created_at < clock_timestamp() - @age::interval
			ORDER BY created_at LIMIT @limit FOR UPDATE SKIP LOCKED)`,
		pgx.StrictNamedArgs{"age": age, "limit": limit})
	return int(tag.RowsAffected()), err
}
