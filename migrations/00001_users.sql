-- +goose Up

-- People who sign in, people who only hold coupons, and the owners of API keys.
-- A person known only by external_id has neither e-mail nor password.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    role          text        NOT NULL DEFAULT 'user',
    name          text        NOT NULL DEFAULT '',
    email         text,
    external_id   text,
    password_hash text,
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_role_check CHECK (role IN ('admin', 'manager', 'user')),
    CONSTRAINT users_email_check CHECK (email = lower(email)),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_external_id_key UNIQUE (external_id)
);

-- The secret is kept as a SHA-256 digest: it has 256 random bits, so a slow
-- password hash would add cost and no safety.
CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    owner_id     uuid        NOT NULL,
    name         text        NOT NULL,
    prefix       text        NOT NULL,
    secret_hash  bytea       NOT NULL,
    scopes       text[]      NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix),
    CONSTRAINT api_keys_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id)
);
CREATE INDEX api_keys_owner_id_idx ON api_keys (owner_id);

-- +goose Down
DROP TABLE api_keys;
DROP TABLE users;
