-- +goose Up

-- A session is what somebody has from signing in until he signs out. Its access
-- tokens live for minutes; the refresh tokens that follow one another carry it on.
CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now(), -- when it was carried on last
    expires_at timestamptz NOT NULL,               -- however much it is used
    ended_at   timestamptz,
    end_reason text,
    address    inet,
    user_agent text        NOT NULL DEFAULT '',
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT sessions_ended_check CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT sessions_end_reason_check CHECK (end_reason IN (
        'signed_out', 'ended_by_user', 'ended_by_admin', 'password_changed', 'account_changed', 'refresh_reused'))
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- One that comes a second time was stolen, from us or from its owner.
CREATE TABLE refresh_tokens (
    digest     bytea PRIMARY KEY, -- SHA-256: a token has 256 random bits
    session_id uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);

-- Links that an admin gives to somebody who has lost his password; each works once.
CREATE TABLE password_resets (
    digest     bytea PRIMARY KEY,
    user_id    uuid        NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX password_resets_user_id_idx ON password_resets (user_id);

-- Of an erased user his id is left, for what he did and had.
ALTER TABLE users
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT users_erased_check CHECK (erased_at IS NULL
        OR disabled_at IS NOT NULL AND name = '' AND num_nonnulls(email, external_id, password_hash) = 0);

-- The secret before the last rotation is good for a while too.
ALTER TABLE api_keys
    ADD COLUMN old_secret_hash  bytea,
    ADD COLUMN old_secret_until timestamptz,
    ADD COLUMN last_used_at     timestamptz,
    ADD COLUMN networks         cidr[] NOT NULL DEFAULT '{}', -- from where it may be used; none: from anywhere
    ADD CONSTRAINT api_keys_old_secret_check CHECK ((old_secret_hash IS NULL) = (old_secret_until IS NULL));

-- What admins, managers and their servers did, written in the transaction of
-- the deed. Without an actor: somebody at the command line.
CREATE TABLE audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_id   uuid,
    api_key_id uuid,
    action     text        NOT NULL,
    target_id  uuid        NOT NULL,
    before     jsonb,
    after      jsonb,
    address    inet,
    request_id text        NOT NULL DEFAULT '',
    CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_log_actor_id_idx ON audit_log (actor_id, id);
CREATE INDEX audit_log_target_id_idx ON audit_log (target_id, id);
CREATE INDEX audit_log_action_idx ON audit_log (action, id);

-- +goose Down
DROP TABLE audit_log, password_resets, refresh_tokens, sessions;
ALTER TABLE api_keys
    DROP COLUMN old_secret_hash, DROP COLUMN old_secret_until, DROP COLUMN last_used_at, DROP COLUMN networks;
ALTER TABLE users DROP COLUMN erased_at;
