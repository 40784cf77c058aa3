-- +goose Up

-- A worker that is killed or cut off must not keep its row locks: measured,
-- without client_connection_check_interval they last until the statement ends.
-- Set on the database, not in the URL, so that PgBouncer stays usable.
-- +goose StatementBegin
DO $$
DECLARE
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY[
        'statement_timeout = ''15s''',
        'lock_timeout = ''3s''',
        'idle_in_transaction_session_timeout = ''10s''',
        'client_connection_check_interval = ''2s''']
    LOOP
        EXECUTE format('ALTER DATABASE %I SET %s', current_database(), setting);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    setting text;
BEGIN
    FOREACH setting IN ARRAY ARRAY['statement_timeout', 'lock_timeout',
        'idle_in_transaction_session_timeout', 'client_connection_check_interval']
    LOOP
        EXECUTE format('ALTER DATABASE %I RESET %s', current_database(), setting);
    END LOOP;
END $$;
-- +goose StatementEnd
