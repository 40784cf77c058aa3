package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const endpointColumns = `id, owner_id, url, description, events, book_ids, include_codes, status, disabled_reason, disabled_at,
	CASE WHEN old_secret_until > clock_timestamp() THEN old_secret_until END AS old_secret_until, version, created_at, updated_at,
	failures, failing_since, told_percent, broken, trips, open_until`

// AddEndpoint stores a new endpoint.
func (s *Store) AddEndpoint(ctx context.Context, e coupon.Endpoint, secret []byte) (coupon.Endpoint, error) {
	return one[coupon.Endpoint](ctx, s.db, nil, `
		INSERT INTO webhook_endpoints (id, owner_id, url, description, events, book_ids, include_codes, secret)
		VALUES (@id, @owner_id, @url, @description, @events, @book_ids, @include_codes, @secret)
		RETURNING `+endpointColumns, endpointArgs(e, pgx.StrictNamedArgs{"owner_id": e.OwnerID, "secret": secret}))
}

func endpointArgs(e coupon.Endpoint, more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	more["id"], more["url"], more["description"], more["events"], more["include_codes"] = e.ID, e.URL, e.Description, e.Events, e.IncludeCodes
	more["book_ids"] = e.BookIDs
	if len(e.BookIDs) == 0 {
		more["book_ids"] = nil
	}
	return more
}

// CountEndpoints counts the endpoints of a user. Only one of his is added at a
// time: the user's row stays held.
func (s *Store) CountEndpoints(ctx context.Context, owner uuid.UUID) (n int, err error) {
	if _, err = s.db.Exec(ctx, `SELECT FROM users WHERE id = @owner FOR NO KEY UPDATE`, pgx.StrictNamedArgs{"owner": owner}); err != nil {
		return 0, err
	}
	err = s.db.QueryRow(ctx, `SELECT count(*) FROM webhook_endpoints WHERE owner_id = @owner AND deleted_at IS NULL`,
		pgx.StrictNamedArgs{"owner": owner}).Scan(&n)
	return n, err
}

// Endpoint returns an endpoint, or ErrEndpointNotFound.
func (s *Store) Endpoint(ctx context.Context, id uuid.UUID) (coupon.Endpoint, error) {
	return s.endpoint(ctx, id, ``)
}

// EndpointForUpdate returns an endpoint that nobody else changes until the end
// of the transaction.
func (s *Store) EndpointForUpdate(ctx context.Context, id uuid.UUID) (coupon.Endpoint, error) {
	return s.endpoint(ctx, id, ` FOR NO KEY UPDATE`)
}

func (s *Store) endpoint(ctx context.Context, id uuid.UUID, hold string) (coupon.Endpoint, error) {
	return one[coupon.Endpoint](ctx, s.db, coupon.ErrEndpointNotFound,
		`SELECT `+endpointColumns+` FROM webhook_endpoints WHERE id = @id AND deleted_at IS NULL`+hold, pgx.StrictNamedArgs{"id": id})
}

// Endpoints lists endpoints, newest first; owner nil: of everybody.
func (s *Store) Endpoints(ctx context.Context, owner, before *uuid.UUID, limit int) ([]coupon.Endpoint, error) {
	return all[coupon.Endpoint](ctx, s.db, `
		SELECT `+endpointColumns+` FROM webhook_endpoints
		WHERE deleted_at IS NULL AND (@owner::uuid IS NULL OR owner_id = @owner) AND (@before::uuid IS NULL OR id < @before)
		ORDER BY id DESC LIMIT @limit`, pgx.StrictNamedArgs{"owner": owner, "before": before, "limit": limit})
}

// EnabledEndpoints lists the endpoints of users to which callbacks may go, those
// that are not paused first.
func (s *Store) EnabledEndpoints(ctx context.Context, owners []uuid.UUID) ([]coupon.Endpoint, error) {
	return all[coupon.Endpoint](ctx, s.db, `
		SELECT `+endpointColumns+` FROM webhook_endpoints
		WHERE deleted_at IS NULL AND status <> 'disabled' AND owner_id = ANY(@owners) ORDER BY status, id`, pgx.StrictNamedArgs{"owners": owners})
}

// SaveEndpoint writes an endpoint's settings, its status and its health; hold
// it first. One that is disabled or deleted is sent nothing from then on.
func (s *Store) SaveEndpoint(ctx context.Context, e coupon.Endpoint) (coupon.Endpoint, error) {
	return one[coupon.Endpoint](ctx, s.db, coupon.ErrEndpointNotFound, `
		UPDATE webhook_endpoints
		SET url = @url, description = @description, events = @events, book_ids = @book_ids, include_codes = @include_codes,
		    status = @status, disabled_reason = @disabled_reason, disabled_at = @disabled_at, version = version + 1,
		    updated_at = clock_timestamp(), `+setHealth+`
		WHERE id = @id RETURNING `+endpointColumns, endpointArgs(e, healthArgs(e.EndpointHealth, pgx.StrictNamedArgs{
		"status": e.Status, "disabled_reason": e.DisabledReason, "disabled_at": e.DisabledAt,
	})))
}

const setHealth = `failures = @failures, failing_since = @failing_since, told_percent = @told_percent, broken = @broken, trips = @trips,
	open_until = @open_until`

func healthArgs(h coupon.EndpointHealth, more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	more["failures"], more["failing_since"], more["told_percent"] = h.Failures, h.FailingSince, h.ToldPercent
	more["broken"], more["trips"], more["open_until"] = h.Broken, h.Trips, h.OpenUntil
	return more
}

// SaveHealth notes how an endpoint has answered; hold it first.
func (s *Store) SaveHealth(ctx context.Context, id uuid.UUID, h coupon.EndpointHealth) error {
	_, err := s.db.Exec(ctx, `UPDATE webhook_endpoints SET `+setHealth+` WHERE id = @id`, healthArgs(h, pgx.StrictNamedArgs{"id": id}))
	return err
}

// DeleteEndpoint takes an endpoint out of sight.
func (s *Store) DeleteEndpoint(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhook_endpoints SET deleted_at = clock_timestamp() WHERE id = @id AND deleted_at IS NULL`, pgx.StrictNamedArgs{"id": id})
	return err
}

// RotateSecret gives an endpoint a new secret. The one before signs too for
// the overlap.
func (s *Store) RotateSecret(ctx context.Context, id uuid.UUID, secret []byte, overlap time.Duration) (coupon.Endpoint, error) {
	return one[coupon.Endpoint](ctx, s.db, coupon.ErrEndpointNotFound, `
		UPDATE webhook_endpoints
		SET secret = @secret, old_secret = secret, old_secret_until = clock_timestamp() + @overlap, version = version + 1,
		    updated_at = clock_timestamp()
		WHERE id = @id AND deleted_at IS NULL RETURNING `+endpointColumns, pgx.StrictNamedArgs{"id": id, "secret": secret, "overlap": overlap})
}

// Secrets returns the secrets that sign for an endpoint now, the newest first.
func (s *Store) Secrets(ctx context.Context, id uuid.UUID) (secrets [][]byte, err error) {
	type pair struct{ Secret, OldSecret []byte }
	row, err := one[pair](ctx, s.db, coupon.ErrEndpointNotFound, `
		SELECT secret, CASE WHEN old_secret_until > clock_timestamp() THEN old_secret END AS old_secret
		FROM webhook_endpoints WHERE id = @id`, pgx.StrictNamedArgs{"id": id})
	if secrets = append(secrets, row.Secret); row.OldSecret != nil {
		secrets = append(secrets, row.OldSecret)
	}
	return secrets, err
}

// Lease begins a run that sends to an endpoint, unless another one is alive,
// nothing is to be sent, or the endpoint is to be left alone. Without one it
// fails with ErrEndpointNotFound. The bell that brought it is heard.
func (s *Store) Lease(ctx context.Context, id, run uuid.UUID, lease time.Duration) (coupon.Endpoint, error) {
	return one[coupon.Endpoint](ctx, s.db, coupon.ErrEndpointNotFound, `
		UPDATE webhook_endpoints SET leased_by = @run, leased_until = clock_timestamp() + @lease, rung_at = NULL
		WHERE id = @id AND deleted_at IS NULL AND status = 'enabled' AND coalesce(leased_until <= clock_timestamp(), true)
		  AND coalesce(open_until <= clock_timestamp(), true)
		  AND EXISTS (SELECT FROM users u WHERE u.id = owner_id AND u.disabled_at IS NULL)
		RETURNING `+endpointColumns, pgx.StrictNamedArgs{"id": id, "run": run, "lease": lease})
}

// KeepLease shows that a run that sends is alive. It fails with
// ErrEndpointNotFound when another one has taken over.
func (s *Store) KeepLease(ctx context.Context, id, run uuid.UUID, lease time.Duration) error {
	tag, err := s.db.Exec(ctx, `UPDATE webhook_endpoints SET leased_until = clock_timestamp() + @lease WHERE id = @id AND leased_by = @run`,
		pgx.StrictNamedArgs{"id": id, "run": run, "lease": lease})
	if err == nil && tag.RowsAffected() == 0 {
		err = coupon.ErrEndpointNotFound
	}
	return err
}

// EndLease ends a run that sends to an endpoint.
func (s *Store) EndLease(ctx context.Context, id, run uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhook_endpoints SET leased_by = NULL, leased_until = NULL WHERE id = @id AND leased_by = @run`,
		pgx.StrictNamedArgs{"id": id, "run": run})
	return err
}

// canRing is true of endpoints w that a bell is of use to: nobody sends to them,
// the last bell was heard or is lost, and they are not left alone.
const canRing = `w.deleted_at IS NULL AND w.status = 'enabled' AND coalesce(w.leased_until <= clock_timestamp(), true)
	AND coalesce(w.open_until <= clock_timestamp(), true) AND coalesce(w.rung_at < clock_timestamp() - interval '2 seconds', true)`

// ReadyEndpoints returns endpoints for which something is due that no run sends
// and nobody has rung for lately, and notes that it is rung for them now.
func (s *Store) ReadyEndpoints(ctx context.Context) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `
		UPDATE webhook_endpoints SET rung_at = clock_timestamp()
		WHERE id = ANY(ARRAY(
			SELECT w.id FROM webhook_endpoints w CROSS JOIN LATERAL (
				SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.status = 'pending' AND d.next_attempt_at <= now()
				ORDER BY next_attempt_at, id LIMIT 1) AS due
			WHERE `+canRing+` FOR NO KEY UPDATE OF w SKIP LOCKED))
		RETURNING id`)
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
