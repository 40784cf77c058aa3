-- +goose Up

-- A batch counts its codes, can be voided as a whole, and there is one in each
-- book for the codes that are added one by one.
ALTER TABLE code_batches
    ADD COLUMN codes     bigint NOT NULL DEFAULT 0,
    ADD COLUMN voided_at timestamptz, -- it takes no more codes since then
    ALTER COLUMN job_id DROP NOT NULL,
    DROP CONSTRAINT code_batches_kind_check,
    ADD CONSTRAINT code_batches_kind_check CHECK (kind IN ('generated', 'uploaded', 'added')),
    ADD CONSTRAINT code_batches_job_id_check CHECK ((job_id IS NULL) = (kind = 'added'));
UPDATE code_batches b SET codes = (SELECT count(*) FROM coupons c WHERE c.batch_id = b.id);
CREATE UNIQUE INDEX code_batches_added_key ON code_batches (book_id) WHERE kind = 'added' AND voided_at IS NULL;

-- The coupons of a batch by state, and in the order of their codes.
CREATE INDEX coupons_batch_id_state_idx ON coupons (batch_id, state, normalised);

ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes', 'import_codes', 'void_codes', 'export_codes'));

-- What an export found: one snapshot, which its link pages through.
CREATE TABLE export_rows (
    job_id          uuid    NOT NULL,
    n               integer NOT NULL, -- 1, 2, 3, … in the order of the codes
    code            text    NOT NULL,
    state           text    NOT NULL,
    batch_id        uuid    NOT NULL,
    user_id         uuid,
    holder          text,             -- the user's e-mail or external id
    assigned_at     timestamptz,
    starts_at       timestamptz,
    expires_at      timestamptz,
    max_redemptions integer NOT NULL,
    redemptions     integer NOT NULL,
    disabled_at     timestamptz,
    metadata        jsonb,
    CONSTRAINT export_rows_pkey PRIMARY KEY (job_id, n)
);

-- +goose Down
DROP TABLE export_rows;
DELETE FROM jobs WHERE kind IN ('void_codes', 'export_codes');
ALTER TABLE jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('claim', 'assign', 'generate_codes', 'import_codes'));
DROP INDEX coupons_batch_id_state_idx;
DROP INDEX code_batches_added_key;
UPDATE code_batches SET job_id = id, kind = 'uploaded' WHERE job_id IS NULL;
ALTER TABLE code_batches
    DROP CONSTRAINT code_batches_job_id_check,
    DROP CONSTRAINT code_batches_kind_check,
    ADD CONSTRAINT code_batches_kind_check CHECK (kind IN ('generated', 'uploaded')),
    ALTER COLUMN job_id SET NOT NULL, DROP COLUMN codes, DROP COLUMN voided_at;
