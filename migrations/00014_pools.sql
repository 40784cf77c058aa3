-- +goose Up

-- A named set of users. One that is deleted is out of sight at once; its
-- members are forgotten in batches.
CREATE TABLE pools (
    id          uuid PRIMARY KEY,
    owner_id    uuid        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    members     bigint      NOT NULL DEFAULT 0, -- how many there are
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz,
    CONSTRAINT pools_members_check CHECK (members >= 0),
    CONSTRAINT pools_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id)
);
CREATE INDEX pools_owner_id_idx ON pools (owner_id, id) WHERE deleted_at IS NULL;
CREATE INDEX pools_deleted_at_idx ON pools (deleted_at) WHERE deleted_at IS NOT NULL;

-- No foreign keys: users are never deleted, and a million look-ups would slow
-- an import.
CREATE TABLE pool_members (
    pool_id  uuid        NOT NULL,
    user_id  uuid        NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pool_members_pkey PRIMARY KEY (pool_id, user_id)
);

-- Members are found by how their e-mail or external id begins.
CREATE INDEX users_email_prefix_idx ON users (email COLLATE "C");
CREATE INDEX users_external_id_prefix_idx ON users (external_id COLLATE "C");

-- The rows of a file of members, as import_rows has those of a file of codes.
CREATE TABLE member_rows (
    job_id      uuid    NOT NULL,
    n           integer NOT NULL, -- 1, 2, 3, …
    line        integer NOT NULL, -- of the file, where the row begins
    new_id      uuid    NOT NULL, -- of the user, if one is made
    name        text    NOT NULL,
    text        text    NOT NULL, -- how the file names him
    user_id     uuid,             -- in one of three ways
    email       text,
    external_id text,
    reason      text,             -- why the row is refused
    detail      text,
    CONSTRAINT member_rows_pkey PRIMARY KEY (job_id, n)
);

ALTER TABLE jobs
    ADD COLUMN pool_id   uuid,
    ADD COLUMN skipped   integer NOT NULL DEFAULT 0, -- recipients who get nothing, by the plan or their own limit
    ADD COLUMN canceling boolean NOT NULL DEFAULT false, -- it was asked to end where it is
    ALTER COLUMN book_id DROP NOT NULL,
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_status_check,
    DROP CONSTRAINT jobs_finished_check,
    DROP CONSTRAINT jobs_progress_check,
    ADD CONSTRAINT jobs_subject_check CHECK (book_id IS NOT NULL OR seq IS NULL AND pool_id IS NOT NULL),
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN (
        'claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes',
        'import_members', 'distribution', 'recall_distribution')),
    ADD CONSTRAINT jobs_status_check CHECK (status IN (
        'queued', 'running', 'paused', 'succeeded', 'partially_succeeded', 'failed', 'canceled')),
    ADD CONSTRAINT jobs_finished_check CHECK (
        (finished_at IS NOT NULL) = (status IN ('succeeded', 'partially_succeeded', 'failed', 'canceled'))),
    ADD CONSTRAINT jobs_progress_check CHECK (processed = succeeded + skipped + failed AND processed <= total);
CREATE INDEX jobs_pool_id_idx ON jobs (pool_id, id DESC) WHERE pool_id IS NOT NULL;

-- A distribution, its plan and how far it is.
CREATE TABLE distributions (
    job_id      uuid PRIMARY KEY,
    plan_id     uuid,             -- the dry run whose plan it carries out
    mode        text    NOT NULL,
    per_user    integer NOT NULL, -- of mode equal
    count       integer NOT NULL, -- of mode random
    on_shortage text    NOT NULL,
    dry_run     boolean NOT NULL,
    members     integer,          -- of the pool when it was snapshotted
    hash        bytea,            -- of who they are
    coupons     integer,          -- planned in all
    level       integer,          -- everyone gets as many, or what he can take,
    extras      integer,          -- and so many of those who can take more get one more:
    last_draw   uuid,             -- those up to this draw,
    last_n      integer,          -- and among equal draws up to this row
    reserved    integer NOT NULL DEFAULT 0, -- coupons of the book's stock still promised
    granted     integer NOT NULL DEFAULT 0, -- coupons given out
    told_at     timestamptz,      -- when its progress was told last
    CONSTRAINT distributions_plan_id_key UNIQUE (plan_id), -- a plan is carried out once
    CONSTRAINT distributions_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs (id),
    CONSTRAINT distributions_plan_check CHECK (num_nulls(coupons, level, extras) IN (0, 3) AND (coupons IS NULL OR members IS NOT NULL)),
    CONSTRAINT distributions_counts_check CHECK (reserved >= 0 AND granted >= 0 AND reserved + granted <= coalesce(coupons, 0))
) WITH (fillfactor = 50);

-- The snapshot of the pool: a row for each recipient, in the order of their ids.
CREATE TABLE distribution_rows (
    job_id   uuid    NOT NULL,
    n        integer NOT NULL, -- 1, 2, 3, …
    user_id  uuid    NOT NULL,
    capacity integer NOT NULL, -- coupons that he can take
    draw     uuid    NOT NULL, -- random: the lowest ones get what the last round has too few of
    reason   text,             -- why he can take none
    CONSTRAINT distribution_rows_pkey PRIMARY KEY (job_id, n)
);

-- Recipients are outcomes too. They are written once, at their end.
ALTER TABLE job_outcomes
    ADD COLUMN status     text NOT NULL DEFAULT 'refused',
    ADD COLUMN user_id    uuid,
    ADD COLUMN planned    integer,
    ADD COLUMN coupon_ids uuid[],
    ALTER COLUMN reason DROP NOT NULL,
    ALTER COLUMN detail DROP NOT NULL,
    ADD CONSTRAINT job_outcomes_status_check CHECK (status IN ('refused', 'granted', 'skipped', 'failed', 'left')),
    ADD CONSTRAINT job_outcomes_reason_check CHECK (reason IS NOT NULL OR status = 'granted'),
    ADD CONSTRAINT job_outcomes_granted_check CHECK ((status = 'granted') = (coupon_ids IS NOT NULL));
UPDATE job_outcomes o SET status = 'left' FROM jobs j WHERE j.id = o.job_id AND j.kind = 'void_codes';
-- Those that went otherwise than asked are the ones that people look for.
CREATE INDEX job_outcomes_status_idx ON job_outcomes (job_id, status, n) WHERE status <> 'granted';

-- Coupons can be voided or disabled while they are promised to a distribution,
-- which then gives out fewer.
ALTER TABLE book_stock
    DROP CONSTRAINT book_stock_reserved_check,
    ADD CONSTRAINT book_stock_reserved_check CHECK (reserved >= 0);

-- +goose Down
UPDATE book_stock SET reserved = 0;
ALTER TABLE book_stock
    DROP CONSTRAINT book_stock_reserved_check,
    ADD CONSTRAINT book_stock_reserved_check CHECK (0 <= reserved AND reserved <= free);
DROP INDEX job_outcomes_status_idx;
DELETE FROM job_outcomes WHERE status NOT IN ('refused', 'left');
ALTER TABLE job_outcomes
    DROP CONSTRAINT job_outcomes_granted_check,
    DROP CONSTRAINT job_outcomes_reason_check,
    DROP CONSTRAINT job_outcomes_status_check,
    DROP COLUMN status, DROP COLUMN user_id, DROP COLUMN planned, DROP COLUMN coupon_ids,
    ALTER COLUMN reason SET NOT NULL, ALTER COLUMN detail SET NOT NULL;
DROP TABLE distribution_rows;
DROP TABLE distributions;
DROP INDEX jobs_pool_id_idx;
DELETE FROM jobs WHERE kind IN ('import_members', 'distribution', 'recall_distribution');
ALTER TABLE jobs
    DROP CONSTRAINT jobs_progress_check,
    DROP CONSTRAINT jobs_finished_check,
    DROP CONSTRAINT jobs_status_check,
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_subject_check,
    DROP COLUMN pool_id, DROP COLUMN skipped, DROP COLUMN canceling,
    ALTER COLUMN book_id SET NOT NULL,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes')),
    ADD CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'partially_succeeded', 'failed')),
    ADD CONSTRAINT jobs_finished_check CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'partially_succeeded', 'failed'))),
    ADD CONSTRAINT jobs_progress_check CHECK (processed = succeeded + failed AND processed <= total);
DROP TABLE member_rows;
DROP INDEX users_external_id_prefix_idx;
DROP INDEX users_email_prefix_idx;
DROP TABLE pool_members;
DROP TABLE pools;
