-- +goose Up

-- When all coupons of a book that has ended were written down as expired. Only
-- a note for the sweeper: a coupon is over at its instant without it.
ALTER TABLE books ADD COLUMN expired_at timestamptz;
CREATE INDEX books_ends_at_idx ON books (ends_at) WHERE expired_at IS NULL;

-- The coupons of a book by state.
CREATE INDEX coupons_book_id_state_idx ON coupons (book_id, state, id);

-- +goose Down
DROP INDEX coupons_book_id_state_idx;
DROP INDEX books_ends_at_idx;
ALTER TABLE books DROP COLUMN expired_at;
