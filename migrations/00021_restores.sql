-- +goose Up

-- Counts how often the database was restored from a dump into a cluster whose
-- transactions have other numbers. Places in the list of events are of one epoch.
CREATE TABLE event_epoch (
    one   boolean PRIMARY KEY DEFAULT true,
    epoch integer NOT NULL,
    CONSTRAINT event_epoch_one_check CHECK (one)
);
INSERT INTO event_epoch (epoch) VALUES (0);

-- +goose Down
DROP TABLE event_epoch;
