package e2e

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// browse looks at the house in a real Chromium. What is looked at is said in
// web/e2e.
func (h *house) browse(t *testing.T, arguments []string, environment ...string) {
	t.Helper()
	tests := exec.CommandContext(t.Context(), "npm", append([]string{"run", "--silent", "test", "--"}, arguments...)...)
	tests.Dir = "../web/e2e"
	tests.Env = append(append(os.Environ(), "COUPONBOOK_URL="+h.apis[0].url,
		"ADMIN_EMAIL="+adminEmail, "ADMIN_PASSWORD="+adminPassword), environment...)
	out, err := tests.CombinedOutput()
	require.NoError(t, err, "run `make test-go`, which installs what this needs:\n%s", out)
	t.Logf("%s", out)
}

// The web app and the queue monitor, after a sale.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	h.sale(t, 100, 20)
	// Parts of a distribution take long enough for a person to pause it.
	_, err := h.pool.Exec(t.Context(), `
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
		CREATE TRIGGER slow AFTER INSERT ON job_outcomes FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
	require.NoError(t, err)
	h.browse(t, nil)
	h.verify(t)
}
