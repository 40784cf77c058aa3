-- +goose Up

-- What clients submit and follow. The row is the promise behind a 202 and the
-- record of its idempotency key; asynq's task is only a doorbell for it.
--
-- No foreign keys here: the accept path has just read the book and the users,
-- neither is ever deleted, and three look-ups a row would slow every claim.
CREATE TABLE jobs (
    id              uuid PRIMARY KEY,
    kind            text        NOT NULL,
    status          text        NOT NULL DEFAULT 'queued',
    book_id         uuid        NOT NULL,
    user_id         uuid,                  -- whom a claim is for
    submitter_id    uuid        NOT NULL,  -- the user, or the owner of the API key
    idempotency_key text,
    fingerprint     bytea,                 -- of the request that brought the key
    seq             bigint,                -- a claim's place in its book
    total           integer     NOT NULL DEFAULT 1, -- coupons asked for, codes to make
    params          jsonb,                 -- what a bulk job was asked for
    processed       integer     NOT NULL DEFAULT 0,
    succeeded       integer     NOT NULL DEFAULT 0,
    failed          integer     NOT NULL DEFAULT 0,
    coupon_ids      uuid[],                -- what a claim was granted
    error_code      text,
    error_detail    text,
    epoch           integer     NOT NULL DEFAULT 0, -- fences a bulk job's earlier runs
    heartbeat_at    timestamptz,
    rung_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'generate_codes')),
    CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    CONSTRAINT jobs_claim_check CHECK (kind <> 'claim' OR (seq IS NOT NULL AND user_id IS NOT NULL)),
    CONSTRAINT jobs_finished_check CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed'))),
    CONSTRAINT jobs_error_check CHECK ((error_code IS NOT NULL) = (status = 'failed')),
    CONSTRAINT jobs_granted_check CHECK (kind <> 'claim' OR (coupon_ids IS NOT NULL) = (status = 'succeeded')),
    CONSTRAINT jobs_total_check CHECK (total >= 1),
    CONSTRAINT jobs_progress_check CHECK (processed = succeeded + failed AND processed <= total),
    CONSTRAINT jobs_fingerprint_check CHECK ((idempotency_key IS NULL) = (fingerprint IS NULL))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE UNIQUE INDEX jobs_idempotency_key ON jobs (submitter_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- The queue of a book. It holds waiting claims only, so it stays small.
CREATE UNIQUE INDEX jobs_queue_key ON jobs (book_id, seq) WHERE kind = 'claim' AND status = 'queued';
-- Bulk jobs that wait or run, for the sweeper.
CREATE INDEX jobs_bulk_idx ON jobs (created_at) WHERE kind <> 'claim' AND status IN ('queued', 'running');
-- "My jobs", newest first: ids are in order of time.
CREATE INDEX jobs_submitter_id_idx ON jobs (submitter_id, id DESC);

-- +goose Down
DROP TABLE jobs;
