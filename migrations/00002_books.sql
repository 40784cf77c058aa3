-- +goose Up

CREATE TABLE books (
    id                       uuid PRIMARY KEY,
    owner_id                 uuid        NOT NULL,
    name                     text        NOT NULL,
    description              text        NOT NULL DEFAULT '',
    status                   text        NOT NULL DEFAULT 'draft',
    starts_at                timestamptz,
    ends_at                  timestamptz,
    max_assignments_per_user integer,
    limit_since              timestamptz NOT NULL DEFAULT now(), -- when the limit last changed
    version                  integer     NOT NULL DEFAULT 1,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT books_status_check CHECK (status IN ('draft', 'active', 'paused', 'closed')),
    CONSTRAINT books_dates_check CHECK (starts_at < ends_at),
    CONSTRAINT books_max_assignments_per_user_check CHECK (max_assignments_per_user >= 1),
    CONSTRAINT books_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id)
);
CREATE INDEX books_owner_id_idx ON books (owner_id, id);

-- The book's place in time: every accepted claim takes the next seq. Only the
-- accept path touches this row, and holds it until commit, so that the order
-- of seq is the order of commit whichever API process it was.
CREATE TABLE book_queues (
    book_id  uuid PRIMARY KEY,
    last_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT book_queues_book_id_fkey FOREIGN KEY (book_id) REFERENCES books (id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- The book's stock. Whoever takes or gives back a coupon locks this row first:
-- it orders them, so that no one is refused while a coupon is left.
CREATE TABLE book_stock (
    book_id      uuid PRIMARY KEY,
    total        bigint NOT NULL DEFAULT 0, -- coupons ever made
    free         bigint NOT NULL DEFAULT 0, -- coupons in state UNASSIGNED
    reserved     bigint NOT NULL DEFAULT 0, -- of the free ones, promised to a distribution
    refused      bigint NOT NULL DEFAULT 0, -- claims that ended without a coupon
    last_drained bigint NOT NULL DEFAULT 0, -- the highest seq that has an outcome
    CONSTRAINT book_stock_free_check CHECK (0 <= free AND free <= total),
    CONSTRAINT book_stock_reserved_check CHECK (0 <= reserved AND reserved <= free),
    CONSTRAINT book_stock_book_id_fkey FOREIGN KEY (book_id) REFERENCES books (id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- How many coupons of the book a user holds or has used.
CREATE TABLE book_user_limits (
    book_id uuid   NOT NULL,
    user_id uuid   NOT NULL,
    used    bigint NOT NULL,
    CONSTRAINT book_user_limits_pkey PRIMARY KEY (book_id, user_id),
    CONSTRAINT book_user_limits_used_check CHECK (used >= 0)
) WITH (fillfactor = 90);

-- +goose Down
DROP TABLE book_user_limits;
DROP TABLE book_stock;
DROP TABLE book_queues;
DROP TABLE books;
