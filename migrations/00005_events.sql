-- +goose Up

-- What happened: audit trail, timeline and outbox in one; append-only, written
-- in the transaction of what it tells. Readers go in order of (xact, id) and
-- stop before the oldest running transaction: ids alone lose late commits.
CREATE TABLE events (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    xact       xid8        NOT NULL DEFAULT pg_current_xact_id(),
    type       text        NOT NULL,
    book_id    uuid,
    coupon_id  uuid,
    coupon_seq integer,               -- 1, 2, 3, … for each coupon, without a gap
    job_id     uuid,
    user_id    uuid,
    actor_id   uuid,                  -- who caused it
    data       jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_coupon_check CHECK ((coupon_id IS NULL) = (coupon_seq IS NULL))
);
CREATE UNIQUE INDEX events_coupon_seq_key ON events (coupon_id, coupon_seq) WHERE coupon_id IS NOT NULL;
CREATE INDEX events_order_idx ON events (xact, id);

-- +goose Down
DROP TABLE events;
