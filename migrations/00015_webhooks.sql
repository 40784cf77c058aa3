-- +goose Up

-- Where people want to be told of events.
CREATE TABLE webhook_endpoints (
    id               uuid PRIMARY KEY,
    owner_id         uuid        NOT NULL,
    url              text        NOT NULL,
    description      text        NOT NULL DEFAULT '',
    events           text[]      NOT NULL,           -- types, 'coupon.*' or '*'
    book_ids         uuid[],                         -- null: of any book
    include_codes    boolean     NOT NULL DEFAULT false,
    status           text        NOT NULL DEFAULT 'enabled',
    disabled_reason  text,
    disabled_at      timestamptz,
    secret           bytea       NOT NULL,
    old_secret       bytea,                          -- signs too until then
    old_secret_until timestamptz,
    version          integer     NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz,
    -- One run at a time sends to an endpoint. A lease that ran out is anyone's.
    leased_by        uuid,
    leased_until     timestamptz,
    rung_at          timestamptz,
    -- How it has answered lately.
    failures         integer     NOT NULL DEFAULT 0, -- attempts that failed since the last one that did not
    failing_since    timestamptz,
    told_percent     integer     NOT NULL DEFAULT 0, -- how near to being disabled its owner was told that it is
    broken           integer     NOT NULL DEFAULT 0, -- failures in a row that the circuit breaker counts
    trips            integer     NOT NULL DEFAULT 0, -- how often the breaker has opened in a row
    open_until       timestamptz,                    -- nothing is sent before
    CONSTRAINT webhook_endpoints_status_check CHECK (status IN ('enabled', 'paused', 'disabled')),
    CONSTRAINT webhook_endpoints_disabled_check CHECK (
        (status = 'disabled') = (disabled_at IS NOT NULL) AND (status = 'disabled') = (disabled_reason IS NOT NULL)),
    CONSTRAINT webhook_endpoints_secret_check CHECK (octet_length(secret) >= 24),
    CONSTRAINT webhook_endpoints_old_secret_check CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CONSTRAINT webhook_endpoints_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id)
) WITH (fillfactor = 50);
CREATE INDEX webhook_endpoints_owner_id_idx ON webhook_endpoints (owner_id, id) WHERE deleted_at IS NULL;

-- One event, or several of one transaction that travel together, for one endpoint.
CREATE TABLE webhook_deliveries (
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    endpoint_id     uuid        NOT NULL,
    event_id        bigint      NOT NULL, -- the first
    last_event_id   bigint      NOT NULL,
    events          integer     NOT NULL, -- how many
    type            text        NOT NULL,
    callback_url    text,                 -- null: to the endpoint's own
    status          text        NOT NULL DEFAULT 'pending',
    attempts        integer     NOT NULL DEFAULT 0,
    tries           integer     NOT NULL DEFAULT 0, -- attempts since it was last begun anew
    next_attempt_at timestamptz NOT NULL,
    event_at        timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_event_key UNIQUE NULLS NOT DISTINCT (endpoint_id, event_id, callback_url),
    CONSTRAINT webhook_deliveries_status_check CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
    CONSTRAINT webhook_deliveries_ended_check CHECK ((status = 'pending') = (ended_at IS NULL)),
    CONSTRAINT webhook_deliveries_events_check CHECK (events BETWEEN 1 AND 500 AND event_id <= last_event_id),
    CONSTRAINT webhook_deliveries_tries_check CHECK (0 <= tries AND tries <= attempts)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (endpoint_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_endpoint_id_idx ON webhook_deliveries (endpoint_id, id DESC);
CREATE INDEX webhook_deliveries_status_idx ON webhook_deliveries (endpoint_id, status, id DESC);
CREATE INDEX webhook_deliveries_test_idx ON webhook_deliveries (endpoint_id, created_at) WHERE type = 'webhook.test';
CREATE INDEX webhook_deliveries_ended_at_idx ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

-- Every try, with what was sent and what came back; append-only.
CREATE TABLE webhook_attempts (
    id               bigint      GENERATED ALWAYS AS IDENTITY,
    delivery_id      bigint      NOT NULL,
    n                integer     NOT NULL, -- 1, 2, 3, … of the delivery
    url              text        NOT NULL,
    request_headers  jsonb       NOT NULL,
    started_at       timestamptz NOT NULL,
    took_us          bigint      NOT NULL,
    status_code      integer,              -- null: no answer
    error            text,                 -- why it failed, in a word
    detail           text,                 -- and in a sentence
    response_headers jsonb,
    response_body    bytea,                -- how it begins
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (id)
);
CREATE INDEX webhook_attempts_delivery_id_idx ON webhook_attempts (delivery_id, id);

-- How far the events have been dealt out to endpoints: all of transactions up
-- to this one.
CREATE TABLE webhook_cursor (
    one  boolean PRIMARY KEY DEFAULT true,
    xact xid8    NOT NULL,
    CONSTRAINT webhook_cursor_one_check CHECK (one)
);
INSERT INTO webhook_cursor (xact) SELECT coalesce((SELECT xact FROM events ORDER BY xact DESC, id DESC LIMIT 1), '0');

-- A span of time is replayed; rows come in in about the order of time.
CREATE INDEX events_created_at_idx ON events USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);

ALTER TABLE jobs
    ADD COLUMN callback_url         text, -- is told of the job's end,
    ADD COLUMN callback_endpoint_id uuid, -- signed with the secret of this endpoint
    ADD CONSTRAINT jobs_callback_check CHECK ((callback_url IS NULL) = (callback_endpoint_id IS NULL)),
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_subject_check,
    ADD CONSTRAINT jobs_subject_check CHECK (book_id IS NOT NULL OR seq IS NULL AND (pool_id IS NOT NULL OR kind = 'replay_events')),
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN (
        'claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes',
        'import_members', 'distribution', 'recall_distribution', 'replay_events'));

-- +goose Down
DELETE FROM jobs WHERE kind = 'replay_events';
ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_subject_check,
    ADD CONSTRAINT jobs_subject_check CHECK (book_id IS NOT NULL OR seq IS NULL AND pool_id IS NOT NULL),
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN (
        'claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes',
        'import_members', 'distribution', 'recall_distribution')),
    DROP CONSTRAINT jobs_callback_check,
    DROP COLUMN callback_url, DROP COLUMN callback_endpoint_id;
DROP INDEX events_created_at_idx;
DROP TABLE webhook_cursor;
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
