package torture

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// rules can be broken, each by a few lines in the database, to see that the
// checker is not blind. The first time and every fiftieth after it is wrong: a
// sequence counts, since chance may spare a whole short run.
var rules = map[string][]string{
	// A job that was decided can be decided again.
	"job-status-guard": {`
		CREATE SEQUENCE again_turns;
		CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('again_turns') % 50 = 1 THEN RETURN OLD; END IF; RETURN NEW; END $$;
		CREATE TRIGGER again BEFORE UPDATE ON jobs FOR EACH ROW
			WHEN (NEW.seq IS NOT NULL AND NEW.kind = 'claim' AND NEW.status = 'succeeded') EXECUTE FUNCTION again()`},
	// Some grants are not counted for their user.
	"user-counter": {`
		CREATE SEQUENCE uncounted_turns;
		CREATE FUNCTION uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('uncounted_turns') % 50 = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
		CREATE TRIGGER uncounted BEFORE INSERT ON book_user_limits FOR EACH ROW EXECUTE FUNCTION uncounted()`},
	// Some events are not written.
	"event": {`
		CREATE SEQUENCE untold_turns;
		CREATE FUNCTION untold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('untold_turns') % 50 = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
		CREATE TRIGGER untold BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.type = 'job.succeeded') EXECUTE FUNCTION untold()`},
	// The answer comes before what it promises is on the disk: a crash loses it.
	"ack-before-commit": {
		`ALTER SYSTEM SET wal_writer_delay = '10s'`, `ALTER SYSTEM SET synchronous_commit = 'off'`, `SELECT pg_reload_conf()`,
	},
	// A run that was taken over still holds the job: two runs work on it at once.
	"epoch-fence": {`
		CREATE FUNCTION unfenced() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.epoch := 1; RETURN NEW; END $$;
		CREATE TRIGGER unfenced BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.seq IS NULL AND NEW.epoch > 1) EXECUTE FUNCTION unfenced()`},
}

// Rules are the names of the rules that can be broken.
func Rules() []string { return slices.Sorted(maps.Keys(rules)) }

func sabotage(ctx context.Context, r *rig, rule string) error {
	for _, statement := range rules[rule] { // none for none
		if _, err := r.pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("break %s: %w", rule, err)
		}
	}
	return nil
}
