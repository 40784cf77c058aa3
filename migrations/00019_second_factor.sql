-- +goose Up

-- The second factor is an authenticator app, with codes for when it is lost.
ALTER TABLE users
    ADD COLUMN factor_secret    text,                         -- base32, as the app has it; without factor_since it is not confirmed
    ADD COLUMN factor_since     timestamptz,                  -- asked for since
    ADD COLUMN factor_step      bigint  NOT NULL DEFAULT 0,   -- of 30 s, whose code was used last: none works twice
    ADD COLUMN recovery_digests bytea[] NOT NULL DEFAULT '{}', -- SHA-256: each code has 80 random bits and works once
    ADD CONSTRAINT users_factor_check CHECK (factor_secret IS NOT NULL OR factor_since IS NULL AND factor_step = 0 AND recovery_digests = '{}'),
    ADD CONSTRAINT users_erased_factor_check CHECK (erased_at IS NULL OR factor_secret IS NULL);

-- +goose Down
ALTER TABLE users DROP COLUMN factor_secret, DROP COLUMN factor_since, DROP COLUMN factor_step, DROP COLUMN recovery_digests;
