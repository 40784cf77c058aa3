-- +goose Up

-- Codes come in batches: one for each job that made some.
CREATE TABLE code_batches (
    id         uuid PRIMARY KEY,
    book_id    uuid        NOT NULL,
    job_id     uuid        NOT NULL,
    pattern    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT code_batches_job_id_key UNIQUE (job_id),
    CONSTRAINT code_batches_book_id_fkey FOREIGN KEY (book_id) REFERENCES books (id)
);
CREATE INDEX code_batches_book_id_idx ON code_batches (book_id, id);

CREATE TABLE coupons (
    id          uuid PRIMARY KEY,
    book_id     uuid    NOT NULL,
    batch_id    uuid    NOT NULL,
    code        text    NOT NULL, -- as generated, for people
    normalised  text    NOT NULL, -- as compared
    state       text    NOT NULL DEFAULT 'UNASSIGNED',
    draw_rank   bigint  NOT NULL, -- random: the lowest free one is a uniform draw
    event_seq   integer NOT NULL DEFAULT 0, -- the coupon's last event
    user_id     uuid,
    job_id      uuid, -- the job that assigned it
    assigned_at timestamptz,
    CONSTRAINT coupons_normalised_key UNIQUE (normalised),
    CONSTRAINT coupons_state_check CHECK (state IN ('UNASSIGNED', 'ASSIGNED', 'LOCKED', 'REDEEMED', 'EXPIRED', 'VOID')),
    CONSTRAINT coupons_holder_check CHECK (
        CASE WHEN state = 'UNASSIGNED' THEN user_id IS NULL
             WHEN state IN ('ASSIGNED', 'LOCKED', 'REDEEMED') THEN user_id IS NOT NULL
             ELSE true END),
    CONSTRAINT coupons_assigned_at_check CHECK ((user_id IS NULL) = (assigned_at IS NULL)),
    CONSTRAINT coupons_draw_rank_check CHECK (draw_rank >= 0)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- The draw: taking the lowest rank is a uniform random choice at O(log n).
CREATE INDEX coupons_free_idx ON coupons (book_id, draw_rank) WHERE state = 'UNASSIGNED';
CREATE INDEX coupons_user_id_idx ON coupons (user_id, assigned_at DESC, id DESC) WHERE user_id IS NOT NULL;

-- +goose Down
DROP TABLE coupons;
DROP TABLE code_batches;
