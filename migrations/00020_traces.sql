-- +goose Up

-- The span that accepted the job, as W3C Trace Context has it, so that what is
-- done later belongs to the same trace; null: it is not traced.
ALTER TABLE jobs ADD COLUMN traceparent text;

-- +goose Down
ALTER TABLE jobs DROP COLUMN traceparent;
