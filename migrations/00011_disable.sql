-- +goose Up

-- A disabled coupon is not given out and cannot be used, until it is enabled.
-- A code can have a start of its own, before which nobody can use it.
ALTER TABLE coupons
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN starts_at   timestamptz;
ALTER TABLE import_rows ADD COLUMN starts_at timestamptz;

-- The free coupons are those that can be given out.
ALTER TABLE book_stock
    ADD COLUMN disabled bigint NOT NULL DEFAULT 0, -- coupons in state UNASSIGNED that are disabled
    DROP CONSTRAINT book_stock_free_check,
    ADD CONSTRAINT book_stock_free_check CHECK (0 <= free AND 0 <= disabled AND free + disabled <= total);
DROP INDEX coupons_free_idx;
CREATE INDEX coupons_free_idx ON coupons (book_id, draw_rank) WHERE state = 'UNASSIGNED' AND disabled_at IS NULL;

-- +goose Down
UPDATE book_stock SET free = free + disabled;
DROP INDEX coupons_free_idx;
CREATE INDEX coupons_free_idx ON coupons (book_id, draw_rank) WHERE state = 'UNASSIGNED';
ALTER TABLE book_stock
    DROP CONSTRAINT book_stock_free_check,
    DROP COLUMN disabled,
    ADD CONSTRAINT book_stock_free_check CHECK (0 <= free AND free <= total);
ALTER TABLE import_rows DROP COLUMN starts_at;
ALTER TABLE coupons DROP COLUMN starts_at, DROP COLUMN disabled_at;
