package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const sessionColumns = `id, user_id, created_at, used_at, expires_at, address, user_agent`

// AddSession stores a new session that ends after most, however much it is used.
func (s *Store) AddSession(ctx context.Context, session coupon.Session, most time.Duration) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO sessions (id, user_id, expires_at, address, user_agent)
		VALUES (@id, @user_id, now() + @most::interval, @address, @user_agent)`,
		pgx.StrictNamedArgs{"id": session.ID, "user_id": session.UserID, "most": most, "address": session.Address, "user_agent": session.UserAgent})
	return err
}

// AddRefreshToken stores the digest of the token that carries a session on next.
func (s *Store) AddRefreshToken(ctx context.Context, session uuid.UUID, digest []byte) error {
	_, err := s.db.Exec(ctx, `INSERT INTO refresh_tokens (digest, session_id) VALUES (@digest, @session_id)`,
		pgx.StrictNamedArgs{"digest": digest, "session_id": session})
	return err
}

// UseRefreshToken takes a token, and returns its session and whether it was taken
// before. One that is not known is ErrSessionEnded.
func (s *Store) UseRefreshToken(ctx context.Context, digest []byte) (session uuid.UUID, reused bool, err error) {
	args := pgx.StrictNamedArgs{"digest": digest}
	used, err := all[sessionRef](ctx, s.db, `
		UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE digest = @digest AND used_at IS NULL RETURNING session_id`, args)
	if err != nil || len(used) == 1 {
		return first(used).SessionID, false, err
	}
	known, err := one[sessionRef](ctx, s.db, coupon.ErrSessionEnded, `SELECT session_id FROM refresh_tokens WHERE digest = @digest`, args)
	return known.SessionID, true, err
}

type sessionRef struct{ SessionID uuid.UUID }

func first[T any](rows []T) (row T) {
	if len(rows) > 0 {
		row = rows[0]
	}
	return row
}

// CarryOn marks a session as used and returns its user, or ErrSessionEnded: it
// has ended, was idle for too long, or its user may not sign in.
func (s *Store) CarryOn(ctx context.Context, session uuid.UUID, idle time.Duration) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrSessionEnded, `
		UPDATE sessions s SET used_at = clock_timestamp() FROM users u
		WHERE s.id = @id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp() AND s.used_at > clock_timestamp() - @idle::interval
		  AND u.id = s.user_id AND u.disabled_at IS NULL
		RETURNING `+userColumns, pgx.StrictNamedArgs{"id": session, "idle": idle})
}

// Sessions lists the sessions of a user that go on, the one used last first.
func (s *Store) Sessions(ctx context.Context, userID uuid.UUID, idle time.Duration) ([]coupon.Session, error) {
	return all[coupon.Session](ctx, s.db, `
		SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = @user_id AND ended_at IS NULL AND expires_at > clock_timestamp() AND used_at > clock_timestamp() - @idle::interval
		ORDER BY used_at DESC LIMIT 100`, pgx.StrictNamedArgs{"user_id": userID, "idle": idle})
}

// EndSession ends a session and returns it; it is ErrSessionEnded when it had ended.
func (s *Store) EndSession(ctx context.Context, id uuid.UUID, why coupon.SessionEnd) (coupon.Session, error) {
	return one[coupon.Session](ctx, s.db, coupon.ErrSessionEnded, `
		UPDATE sessions SET ended_at = clock_timestamp(), end_reason = @why WHERE id = @id AND ended_at IS NULL
		RETURNING `+sessionColumns, pgx.StrictNamedArgs{"id": id, "why": why})
}

// EndUserSession ends one session of a user, and reports whether it was his and
// had not ended.
func (s *Store) EndUserSession(ctx context.Context, userID, id uuid.UUID) (bool, error) {
	tag, err := s.db.Exec(ctx, `
		UPDATE sessions SET ended_at = clock_timestamp(), end_reason = @why
		WHERE id = @id AND user_id = @user_id AND ended_at IS NULL`,
		pgx.StrictNamedArgs{"id": id, "user_id": userID, "why": coupon.EndedByUser})
	return tag.RowsAffected() == 1, err
}

// EndSessions ends all sessions of a user but one, if one is named, and returns
// how many.
func (s *Store) EndSessions(ctx context.Context, userID uuid.UUID, except *uuid.UUID, why coupon.SessionEnd) (int, error) {
	tag, err := s.db.Exec(ctx, `
		UPDATE sessions SET ended_at = clock_timestamp(), end_reason = @why
		WHERE user_id = @user_id AND ended_at IS NULL AND (@except::uuid IS NULL OR id <> @except)`,
		pgx.StrictNamedArgs{"user_id": userID, "except": except, "why": why})
	return int(tag.RowsAffected()), err
}

// EndedSessions returns the sessions that ended within the last while.
func (s *Store) EndedSessions(ctx context.Context, within time.Duration) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `SELECT id FROM sessions WHERE ended_at > now() - @within::interval`, pgx.StrictNamedArgs{"within": within})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// DropSessions forgets up to limit sessions that are over since age, and their
// tokens, and returns how many.
func (s *Store) DropSessions(ctx context.Context, age time.Duration, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, `
		DELETE FROM sessions WHERE id IN (
			SELECT id FROM sessions WHERE expires_at < now() - @age::interval ORDER BY expires_at LIMIT @limit FOR UPDATE SKIP LOCKED)`,
		pgx.StrictNamedArgs{"age": age, "limit": limit})
	return int(tag.RowsAffected()), err
}

// AddReset stores a link to set a new password, in the place of earlier ones.
func (s *Store) AddReset(ctx context.Context, userID uuid.UUID, digest []byte, open time.Duration) (expires time.Time, err error) {
	if _, err = s.db.Exec(ctx, `DELETE FROM password_resets WHERE user_id = @user_id`, pgx.StrictNamedArgs{"user_id": userID}); err != nil {
		return expires, err
	}
	err = s.db.QueryRow(ctx, `
		INSERT INTO password_resets (digest, user_id, expires_at) VALUES (@digest, @user_id, now() + @open::interval) RETURNING expires_at`,
		pgx.StrictNamedArgs{"digest": digest, "user_id": userID, "open": open}).Scan(&expires)
	return expires, err
}

// ResetUser returns the user of a link that works, or ErrResetNotFound.
func (s *Store) ResetUser(ctx context.Context, digest []byte) (coupon.User, error) {
	return one[coupon.User](ctx, s.db, coupon.ErrResetNotFound, `
		SELECT `+userColumns+` FROM password_resets r JOIN users u ON u.id = r.user_id
		WHERE r.digest = @digest AND r.expires_at > now() AND u.disabled_at IS NULL`, pgx.StrictNamedArgs{"digest": digest})
}

// TakeReset uses a link up, or fails with ErrResetNotFound.
func (s *Store) TakeReset(ctx context.Context, digest []byte) error {
	tag, err := s.db.Exec(ctx, `DELETE FROM password_resets WHERE digest = @digest AND expires_at > now()`, pgx.StrictNamedArgs{"digest": digest})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrResetNotFound
	}
	return err
}

// DropResets forgets links that nobody used.
func (s *Store) DropResets(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `DELETE FROM password_resets WHERE expires_at < now()`)
	return err
}
