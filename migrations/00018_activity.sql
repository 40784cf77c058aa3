-- +goose Up

-- What happened in each book, hour by hour (UTC): counted from the events, of
-- whole transactions in their order, so that each event is counted once.
CREATE TABLE book_activity (
    book_id     uuid        NOT NULL,
    hour        timestamptz NOT NULL,
    granted     bigint      NOT NULL,
    refused     bigint      NOT NULL,
    redeemed    bigint      NOT NULL,
    rolled_back bigint      NOT NULL,
    CONSTRAINT book_activity_pkey PRIMARY KEY (book_id, hour)
);
-- For the charts of all books together.
CREATE INDEX book_activity_hour_idx ON book_activity (hour);

-- Up to which transaction they are counted. One row.
CREATE TABLE activity_cursor (xact xid8 NOT NULL);
INSERT INTO activity_cursor VALUES ('0');

-- Lists of bulk jobs, which are few among many claims.
CREATE INDEX jobs_bulk_id_idx ON jobs (id DESC) WHERE seq IS NULL;

-- +goose Down
DROP INDEX jobs_bulk_id_idx;
DROP TABLE activity_cursor, book_activity;
