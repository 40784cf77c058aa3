-- +goose Up

ALTER TABLE books
    ADD COLUMN time_zone   text        NOT NULL DEFAULT 'UTC', -- of dates that come without a time
    ADD COLUMN valid_for   interval    NOT NULL DEFAULT '0',   -- a coupon's time from its assignment; 0: no end of its own
    ADD COLUMN metadata    jsonb       NOT NULL DEFAULT '{}',  -- the owner's, for himself
    ADD COLUMN benefit     jsonb,                              -- what a coupon is worth, for whoever redeems it
    ADD COLUMN archived_at timestamptz,
    ADD CONSTRAINT books_valid_for_check CHECK (valid_for >= '0'),
    ADD CONSTRAINT books_archived_at_check CHECK (archived_at IS NULL OR status = 'closed');

-- Claims for one chosen coupon wait in the same queue.
ALTER TABLE jobs
    ADD COLUMN coupon_id uuid, -- the chosen one
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_claim_check,
    DROP CONSTRAINT jobs_granted_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes')),
    ADD CONSTRAINT jobs_claim_check CHECK ((kind IN ('claim', 'assign')) = (seq IS NOT NULL AND user_id IS NOT NULL)),
    ADD CONSTRAINT jobs_assign_check CHECK ((kind = 'assign') = (coupon_id IS NOT NULL)),
    ADD CONSTRAINT jobs_granted_check CHECK (seq IS NULL OR (coupon_ids IS NOT NULL) = (status = 'succeeded'));
DROP INDEX jobs_queue_key;
DROP INDEX jobs_bulk_idx;
CREATE UNIQUE INDEX jobs_queue_key ON jobs (book_id, seq) WHERE seq IS NOT NULL AND status = 'queued';
CREATE INDEX jobs_bulk_idx ON jobs (created_at) WHERE seq IS NULL AND status IN ('queued', 'running');

-- Codes are compared byte by byte: faster, and a prefix is a range.
DROP INDEX coupons_book_id_state_idx;
ALTER TABLE coupons ALTER COLUMN normalised TYPE text COLLATE "C";
-- The coupons of a book by state, and in the order of their codes.
CREATE INDEX coupons_book_id_state_idx ON coupons (book_id, state, normalised);
CREATE INDEX coupons_expires_at_idx ON coupons (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('ASSIGNED', 'LOCKED');

-- What became of a book's coupons, in shards that are summed on read: with one
-- row a book, every till would wait for all the others.
CREATE TABLE book_stats (
    book_id     uuid     NOT NULL,
    shard       smallint NOT NULL,
    locked      bigint   NOT NULL DEFAULT 0, -- coupons in state LOCKED, and so on
    redeemed    bigint   NOT NULL DEFAULT 0,
    expired     bigint   NOT NULL DEFAULT 0,
    void        bigint   NOT NULL DEFAULT 0,
    redemptions bigint   NOT NULL DEFAULT 0, -- uses, also those rolled back
    rollbacks   bigint   NOT NULL DEFAULT 0,
    CONSTRAINT book_stats_pkey PRIMARY KEY (book_id, shard),
    CONSTRAINT book_stats_book_id_fkey FOREIGN KEY (book_id) REFERENCES books (id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
INSERT INTO book_stats (book_id, shard, locked, redeemed, expired, void, redemptions, rollbacks)
SELECT book_id, 0, locked, redeemed, expired, void, coalesce(made, 0), coalesce(back, 0)
FROM (SELECT book_id, count(*) FILTER (WHERE state = 'LOCKED') AS locked, count(*) FILTER (WHERE state = 'REDEEMED') AS redeemed,
             count(*) FILTER (WHERE state = 'EXPIRED') AS expired, count(*) FILTER (WHERE state = 'VOID') AS void
      FROM coupons GROUP BY book_id) AS became
LEFT JOIN (SELECT book_id, count(*) FILTER (WHERE rolls_back IS NULL) AS made, count(rolls_back) AS back
           FROM redemptions GROUP BY book_id) AS used USING (book_id);

-- Tries at the till that were refused. They are no events: the coupon did not change.
CREATE TABLE refusals (
    id         uuid PRIMARY KEY,
    book_id    uuid        NOT NULL,
    coupon_id  uuid        NOT NULL,
    user_id    uuid,                 -- who held the coupon
    actor_id   uuid        NOT NULL, -- who tried
    action     text        NOT NULL,
    code       text        NOT NULL, -- why: an error's code
    order_ref  text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT refusals_action_check CHECK (action IN ('lock', 'redeem'))
);
CREATE INDEX refusals_book_id_idx ON refusals (book_id, id DESC);

-- Answers to requests that came with an idempotency key and made no job.
CREATE TABLE stored_answers (
    user_id     uuid        NOT NULL, -- who asked, or the owner of the API key
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL, -- of the request
    answer      jsonb,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT stored_answers_pkey PRIMARY KEY (user_id, key)
);
CREATE INDEX stored_answers_created_at_idx ON stored_answers (created_at);

-- +goose Down
DROP TABLE stored_answers;
DROP TABLE refusals;
DROP TABLE book_stats;
DROP INDEX coupons_expires_at_idx;
DROP INDEX coupons_book_id_state_idx;
ALTER TABLE coupons ALTER COLUMN normalised TYPE text COLLATE "default";
CREATE INDEX coupons_book_id_state_idx ON coupons (book_id, state, id);
DROP INDEX jobs_bulk_idx;
DROP INDEX jobs_queue_key;
ALTER TABLE jobs
    DROP CONSTRAINT jobs_assign_check,
    DROP CONSTRAINT jobs_granted_check,
    DROP CONSTRAINT jobs_claim_check,
    DROP CONSTRAINT jobs_kind_check,
    DROP COLUMN coupon_id,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'generate_codes')) NOT VALID,
    ADD CONSTRAINT jobs_claim_check CHECK (kind <> 'claim' OR (seq IS NOT NULL AND user_id IS NOT NULL)),
    ADD CONSTRAINT jobs_granted_check CHECK (kind <> 'claim' OR (coupon_ids IS NOT NULL) = (status = 'succeeded'));
CREATE UNIQUE INDEX jobs_queue_key ON jobs (book_id, seq) WHERE kind = 'claim' AND status = 'queued';
CREATE INDEX jobs_bulk_idx ON jobs (created_at) WHERE kind <> 'claim' AND status IN ('queued', 'running');
ALTER TABLE books
    DROP CONSTRAINT books_archived_at_check,
    DROP COLUMN time_zone, DROP COLUMN valid_for, DROP COLUMN metadata, DROP COLUMN benefit, DROP COLUMN archived_at;
