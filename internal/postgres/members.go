package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

// AddMembers adds users to a pool, and returns how many were not in it before.
func (s *Store) AddMembers(ctx context.Context, poolID uuid.UUID, users []uuid.UUID) (int, error) {
	tag, err := s.db.Exec(ctx, `
		INSERT INTO pool_members (pool_id, user_id)
		SELECT DISTINCT @pool_id::uuid, user_id FROM unnest(@users::uuid[]) AS user_id ORDER BY user_id
		ON CONFLICT ON CONSTRAINT pool_members_pkey DO NOTHING`, pgx.StrictNamedArgs{"pool_id": poolID, "users": users})
	if err != nil {
		return 0, err
	}
	return int(tag.RowsAffected()), s.countMembers(ctx, poolID, int(tag.RowsAffected()))
}

// RemoveMembers takes users out of a pool, and returns how many were in it.
func (s *Store) RemoveMembers(ctx context.Context, poolID uuid.UUID, users []uuid.UUID) (int, error) {
	tag, err := s.db.Exec(ctx, `
		WITH gone AS (
			SELECT pool_id, user_id FROM pool_members WHERE pool_id = @pool_id AND user_id = ANY(@users) ORDER BY user_id FOR UPDATE)
		DELETE FROM pool_members m USING gone WHERE m.pool_id = gone.pool_id AND m.user_id = gone.user_id`,
		pgx.StrictNamedArgs{"pool_id": poolID, "users": users})
	if err != nil {
		return 0, err
	}
	return int(tag.RowsAffected()), s.countMembers(ctx, poolID, -int(tag.RowsAffected()))
}

// countMembers comes last in its transaction: others wait only this long.
func (s *Store) countMembers(ctx context.Context, poolID uuid.UUID, more int) error {
	tag, err := s.db.Exec(ctx, `UPDATE pools SET members = members + @more WHERE id = @id AND deleted_at IS NULL`,
		pgx.StrictNamedArgs{"id": poolID, "more": more})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrPoolNotFound
	}
	return err
}

// Members lists the members of a pool in the order in which they became users.
func (s *Store) Members(ctx context.Context, poolID uuid.UUID, f coupon.MemberFilter, limit int) ([]coupon.Member, error) {
	return all[coupon.Member](ctx, s.db, `
		SELECT m.user_id, u.email, u.external_id, u.name, u.disabled_at, m.added_at
		FROM pool_members m JOIN users u ON u.id = m.user_id
		WHERE m.pool_id = @pool_id AND (@after::uuid IS NULL OR m.user_id > @after)
		  AND (@from = '' OR u.email COLLATE "C" >= lower(@from) AND u.email COLLATE "C" < lower(@from) || @last
		       OR u.external_id COLLATE "C" >= @from AND u.external_id COLLATE "C" < @from || @last)
		ORDER BY m.user_id LIMIT @limit`,
		pgx.StrictNamedArgs{"pool_id": poolID, "after": f.After, "from": f.Prefix, "last": "\U0010FFFF", "limit": limit})
}

// MemberRow is a row of a file of members with the id of the user to be.
type MemberRow struct {
	coupon.MemberRow
	NewID uuid.UUID
}

// CopyMemberRows stores the next rows of a file of members, after the first n.
func (s *Store) CopyMemberRows(ctx context.Context, jobID uuid.UUID, after int, rows []MemberRow) error {
	_, err := s.db.CopyFrom(ctx, pgx.Identifier{"member_rows"},
		[]string{"job_id", "n", "line", "new_id", "name", "text", "user_id", "email", "external_id", "reason", "detail"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			return []any{
				jobID, after + i + 1, r.Line, r.NewID, r.Name, r.Text, r.User.ID, orNull(r.User.Email), orNull(r.User.ExternalID),
				orNull(string(r.Reason)), orNull(r.Detail),
			}, nil
		}))
	return err
}

// MakeUsers makes users for rows of a span that name somebody we do not know,
// by e-mail or external id. They go in in order: two files that share some
// cannot deadlock.
func (s *Store) MakeUsers(ctx context.Context, run BulkRun, span Span) error {
	return s.patiently(ctx, byIndex, `
		INSERT INTO users (id, name, email, external_id)
		SELECT new_id, name, email, external_id FROM member_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND user_id IS NULL
		ORDER BY email, external_id
		ON CONFLICT DO NOTHING`, span.args(run, pgx.StrictNamedArgs{}))
}

// JoinPool adds the users of a span to a pool, tells of the rows that name
// nobody we know, and returns how many were added and how many refused.
func (s *Store) JoinPool(ctx context.Context, run BulkRun, span Span) (added, refused int, err error) {
	args := span.args(run, pgx.StrictNamedArgs{})
	for _, statement := range []string{`
		UPDATE member_rows r
		SET user_id = coalesce((SELECT id FROM users WHERE email = r.email), (SELECT id FROM users WHERE external_id = r.external_id))
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND user_id IS NULL`, `
		UPDATE member_rows r SET reason = 'unknown_user', detail = 'there is no such user: make the account first, or import with create_missing'
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL AND NOT EXISTS (SELECT FROM users WHERE id = r.user_id)`} {
		if err = s.patiently(ctx, byIndex, statement, args); err != nil {
			return 0, 0, err
		}
	}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO job_outcomes (job_id, n, line, code, reason, detail)
		SELECT job_id, n, line, text, reason, detail FROM member_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NOT NULL`, args)
	if err != nil {
		return 0, 0, err
	}
	refused = int(tag.RowsAffected())
	args["pool"] = run.PoolID
	tag, err = s.db.Exec(ctx, `
		INSERT INTO pool_members (pool_id, user_id)
		SELECT DISTINCT @pool::uuid, user_id FROM member_rows
		WHERE job_id = @job AND n > @after AND n <= @to AND reason IS NULL
		ORDER BY user_id
		ON CONFLICT ON CONSTRAINT pool_members_pkey DO NOTHING`, args)
	if err != nil {
		return 0, 0, err
	}
	added = int(tag.RowsAffected())
	return added, refused, s.countMembers(ctx, run.PoolID, added)
}
