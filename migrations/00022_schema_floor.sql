-- +goose Up

-- The oldest programs that this schema serves: those that know this migration. A
-- migration that takes something away from older programs raises it, and may
-- come only when none of them run any more (docs/operations.md, Releases).
CREATE TABLE schema_floor (
    one     boolean PRIMARY KEY DEFAULT true,
    version integer NOT NULL,
    CONSTRAINT schema_floor_one_check CHECK (one)
);
INSERT INTO schema_floor (version) VALUES (22);

-- +goose Down
DROP TABLE schema_floor;
