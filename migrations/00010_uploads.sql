-- +goose Up

-- Uploads: the API writes the rows of a file here, a worker makes coupons of
-- them. What is wrong with a row is told in its reason.
CREATE TABLE import_rows (
    job_id          uuid    NOT NULL,
    n               integer NOT NULL, -- 1, 2, 3, …
    line            integer NOT NULL, -- of the file, where the row begins
    coupon_id       uuid    NOT NULL, -- of the coupon to be
    draw_rank       bigint  NOT NULL,
    code            text    NOT NULL,
    normalised      text COLLATE "C" NOT NULL,
    max_redemptions integer,
    expires_at      timestamptz,
    metadata        jsonb,
    user_id         uuid,             -- who holds it, in one of three ways
    email           text,
    external_id     text,
    reason          text,             -- why the row is refused
    detail          text,
    CONSTRAINT import_rows_pkey PRIMARY KEY (job_id, n)
);

-- What a job has to tell about single items, such as a refused row.
CREATE TABLE job_outcomes (
    job_id uuid    NOT NULL,
    n      integer NOT NULL,
    line   integer,
    code   text,
    reason text    NOT NULL,
    detail text    NOT NULL,
    CONSTRAINT job_outcomes_pkey PRIMARY KEY (job_id, n)
);

ALTER TABLE jobs
    ADD COLUMN result jsonb, -- of a bulk job
    DROP CONSTRAINT jobs_kind_check,
    DROP CONSTRAINT jobs_status_check,
    DROP CONSTRAINT jobs_finished_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes', 'import_codes')),
    ADD CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'partially_succeeded', 'failed')),
    ADD CONSTRAINT jobs_finished_check CHECK (
        (finished_at IS NOT NULL) = (status IN ('succeeded', 'partially_succeeded', 'failed')));

ALTER TABLE code_batches
    ADD COLUMN kind      text NOT NULL DEFAULT 'generated',
    ADD COLUMN file_name text, -- of an upload
    ALTER COLUMN pattern DROP NOT NULL,
    ADD CONSTRAINT code_batches_kind_check CHECK (kind IN ('generated', 'uploaded'));

ALTER TABLE coupons
    ADD COLUMN metadata jsonb,       -- the owner's
    ADD COLUMN ends_at  timestamptz; -- the code's own end, whoever holds it
DROP INDEX coupons_expires_at_idx;
CREATE INDEX coupons_expires_at_idx ON coupons (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED');

-- +goose Down
DROP INDEX coupons_expires_at_idx;
CREATE INDEX coupons_expires_at_idx ON coupons (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('ASSIGNED', 'LOCKED');
ALTER TABLE coupons DROP COLUMN metadata, DROP COLUMN ends_at;
UPDATE code_batches SET pattern = coalesce(pattern, '');
ALTER TABLE code_batches
    DROP COLUMN kind, DROP COLUMN file_name, ALTER COLUMN pattern SET NOT NULL;
DELETE FROM jobs WHERE kind = 'import_codes';
ALTER TABLE jobs
    DROP COLUMN result,
    DROP CONSTRAINT jobs_finished_check,
    DROP CONSTRAINT jobs_status_check,
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes')),
    ADD CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    ADD CONSTRAINT jobs_finished_check CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed')));
DROP TABLE job_outcomes;
DROP TABLE import_rows;
