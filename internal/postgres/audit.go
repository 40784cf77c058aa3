package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const addAudit = `
	INSERT INTO audit_log (actor_id, api_key_id, action, target_id, before, after, address, request_id)
	SELECT @actor_id::uuid, @api_key_id::uuid, @action, @target_id::uuid, @before::jsonb, @after::jsonb, @address::inet, @request_id`

func auditArgs(e coupon.AuditEntry) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"actor_id": e.ActorID, "api_key_id": e.APIKeyID, "action": e.Action, "target_id": e.TargetID,
		"before": e.Before, "after": e.After, "address": e.Address, "request_id": e.RequestID,
	}
}

// AddAudit writes what somebody did into the transaction of the deed.
func (s *Store) AddAudit(ctx context.Context, e coupon.AuditEntry) error {
	_, err := s.db.Exec(ctx, addAudit, auditArgs(e))
	return err
}

// Audit lists what was done, newest first.
func (s *Store) Audit(ctx context.Context, f coupon.AuditFilter, limit int) ([]coupon.AuditEntry, error) {
	n := narrowed{`TRUE`, pgx.StrictNamedArgs{"limit": limit}}
	n.by(f.Before != nil, `a.id < @before_id`, "before_id", f.Before)
	n.by(f.ActorID != nil, `a.actor_id = @actor_id`, "actor_id", f.ActorID)
	n.by(f.TargetID != nil, `a.target_id = @target_id`, "target_id", f.TargetID)
	n.by(f.Action != "", `(a.action = @action OR starts_with(a.action, @action || '.'))`, "action", f.Action)
	n.by(f.From != nil, `a.created_at >= @from`, "from", f.From)
	n.by(f.To != nil, `a.created_at < @to`, "to", f.To)
	return all[coupon.AuditEntry](ctx, s.db, `
		SELECT a.id, a.created_at, a.actor_id, COALESCE(u.email, NULLIF(u.name, '')) AS actor_name, a.api_key_id, a.action, a.target_id,
		       a.before, a.after, a.address, a.request_id
		FROM audit_log a LEFT JOIN users u ON u.id = a.actor_id
		WHERE `+n.where+` ORDER BY a.id DESC LIMIT @limit`, n.args)
}
