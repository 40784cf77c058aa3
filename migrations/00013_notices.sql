-- +goose Up

-- When a book's owner wants to be told of it, and when he was.
ALTER TABLE books
    ADD COLUMN low_stock_percent   integer  NOT NULL DEFAULT 10,         -- free codes of all; 0: never
    ADD COLUMN ending_soon         interval NOT NULL DEFAULT '24 hours', -- before its end; 0: never
    ADD COLUMN low_stock_told_at   timestamptz, -- null: there is enough
    ADD COLUMN ending_soon_told_at timestamptz,
    ADD CONSTRAINT books_low_stock_percent_check CHECK (low_stock_percent BETWEEN 0 AND 100),
    ADD CONSTRAINT books_ending_soon_check CHECK (ending_soon >= '0');

-- +goose Down
ALTER TABLE books
    DROP COLUMN low_stock_percent, DROP COLUMN ending_soon, DROP COLUMN low_stock_told_at, DROP COLUMN ending_soon_told_at;
