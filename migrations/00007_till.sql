-- +goose Up

ALTER TABLE books
    ADD COLUMN require_lock             boolean  NOT NULL DEFAULT true,
    ADD COLUMN lock_for                 interval NOT NULL DEFAULT '5 minutes',
    ADD COLUMN max_redemptions          integer  NOT NULL DEFAULT 1, -- of a coupon made from now on
    ADD COLUMN max_redemptions_per_user integer,
    ADD COLUMN rollback_window          interval NOT NULL DEFAULT '0',
    ADD CONSTRAINT books_lock_for_check CHECK (lock_for BETWEEN '1 second' AND '1 hour'),
    ADD CONSTRAINT books_max_redemptions_check CHECK (max_redemptions >= 1),
    ADD CONSTRAINT books_max_redemptions_per_user_check CHECK (max_redemptions_per_user >= 1),
    ADD CONSTRAINT books_rollback_window_check CHECK (rollback_window >= '0');

-- A lock that ran out is over at that instant, whatever the state says: a
-- sweeper only tidies up.
ALTER TABLE coupons
    ADD COLUMN max_redemptions integer NOT NULL DEFAULT 1,
    ADD COLUMN redemptions     integer NOT NULL DEFAULT 0,
    ADD COLUMN expires_at      timestamptz, -- its own end; the book's may come before
    ADD COLUMN lock_id         uuid,        -- the token is derived from it and stored nowhere
    ADD COLUMN locked_by       uuid,
    ADD COLUMN locked_at       timestamptz,
    ADD COLUMN locked_until    timestamptz,
    ADD COLUMN lock_order_ref  text,
    ADD CONSTRAINT coupons_lock_check CHECK (
        CASE WHEN state = 'LOCKED' THEN num_nulls(lock_id, locked_by, locked_at, locked_until) = 0
             ELSE num_nonnulls(lock_id, locked_by, locked_at, locked_until, lock_order_ref) = 0 END),
    ADD CONSTRAINT coupons_redemptions_check CHECK (
        CASE state WHEN 'REDEEMED' THEN redemptions = max_redemptions
                   WHEN 'UNASSIGNED' THEN redemptions = 0
                   ELSE redemptions BETWEEN 0 AND max_redemptions - 1 END);

CREATE INDEX coupons_locked_until_idx ON coupons (locked_until) WHERE state = 'LOCKED';

-- Each use of a coupon, and each that was taken back, by a row of its own.
CREATE TABLE redemptions (
    id          uuid PRIMARY KEY,
    coupon_id   uuid        NOT NULL,
    book_id     uuid        NOT NULL,
    user_id     uuid        NOT NULL, -- who held the coupon
    actor_id    uuid        NOT NULL, -- who did it
    order_ref   text,
    metadata    jsonb,
    reason      text,
    rolls_back  uuid, -- the redemption that this row takes back
    redeemed_at timestamptz NOT NULL,
    CONSTRAINT redemptions_coupon_id_fkey FOREIGN KEY (coupon_id) REFERENCES coupons (id),
    CONSTRAINT redemptions_rolls_back_fkey FOREIGN KEY (rolls_back) REFERENCES redemptions (id),
    CONSTRAINT redemptions_rolls_back_key UNIQUE (rolls_back)
);
-- An order uses a coupon once, also when that was rolled back since.
CREATE UNIQUE INDEX redemptions_order_ref_key ON redemptions (coupon_id, order_ref)
    WHERE order_ref IS NOT NULL AND rolls_back IS NULL;
CREATE INDEX redemptions_book_id_idx ON redemptions (book_id, id DESC);

ALTER TABLE book_user_limits
    ADD COLUMN redeemed bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT book_user_limits_redeemed_check CHECK (redeemed >= 0);

-- +goose Down
ALTER TABLE book_user_limits DROP COLUMN redeemed;
DROP TABLE redemptions;
DROP INDEX coupons_locked_until_idx;
ALTER TABLE coupons
    DROP CONSTRAINT coupons_redemptions_check,
    DROP CONSTRAINT coupons_lock_check,
    DROP COLUMN max_redemptions, DROP COLUMN redemptions, DROP COLUMN expires_at, DROP COLUMN lock_id,
    DROP COLUMN locked_by, DROP COLUMN locked_at, DROP COLUMN locked_until, DROP COLUMN lock_order_ref;
ALTER TABLE books
    DROP COLUMN require_lock, DROP COLUMN lock_for, DROP COLUMN max_redemptions,
    DROP COLUMN max_redemptions_per_user, DROP COLUMN rollback_window;
