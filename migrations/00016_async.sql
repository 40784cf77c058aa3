-- +goose Up

-- How fast a book's queue moves on, for an honest estimate of the time left.
ALTER TABLE book_stock
    ADD COLUMN drain_rate real,        -- claims a second, while there is more than one group of them
    ADD COLUMN drained_at timestamptz; -- when the last group was decided

-- A batch of claims is one job with one place in its book's queue. Its items
-- become its outcomes when it is decided.
CREATE TABLE claim_items (
    job_id  uuid    NOT NULL,
    n       integer NOT NULL, -- 1, 2, 3, …
    item_id text    NOT NULL, -- what its client calls it
    user_id uuid    NOT NULL,
    count   integer NOT NULL,
    CONSTRAINT claim_items_pkey PRIMARY KEY (job_id, n),
    CONSTRAINT claim_items_item_id_key UNIQUE (job_id, item_id),
    CONSTRAINT claim_items_count_check CHECK (count >= 1)
);
ALTER TABLE job_outcomes ADD COLUMN item_id text;

ALTER TABLE jobs
    ADD COLUMN failures integer NOT NULL DEFAULT 0, -- runs of a bulk job that broke since it got on
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_granted_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN (
        'claim', 'claim_batch', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes',
        'import_members', 'distribution', 'recall_distribution', 'replay_events')),
    ADD CONSTRAINT jobs_claim_batch_check CHECK (kind <> 'claim_batch' OR seq IS NOT NULL AND user_id IS NULL),
    ADD CONSTRAINT jobs_granted_check CHECK (seq IS NULL OR (coupon_ids IS NOT NULL) = (status = 'succeeded' AND kind <> 'claim_batch'));

-- Failed jobs, newest first.
CREATE INDEX jobs_failed_idx ON jobs (id DESC) WHERE status = 'failed' AND seq IS NULL;

-- +goose Down
DROP INDEX jobs_failed_idx;
DELETE FROM jobs WHERE kind = 'claim_batch';
ALTER TABLE jobs
    DROP COLUMN failures,
    DROP CONSTRAINT jobs_claim_batch_check,
    DROP CONSTRAINT jobs_granted_check,
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_granted_check CHECK (seq IS NULL OR (coupon_ids IS NOT NULL) = (status = 'succeeded')),
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN (
        'claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes',
        'import_members', 'distribution', 'recall_distribution', 'replay_events'));
ALTER TABLE job_outcomes DROP COLUMN item_id;
DROP TABLE claim_items;
ALTER TABLE book_stock DROP COLUMN drain_rate, DROP COLUMN drained_at;
