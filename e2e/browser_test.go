package e2e

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The web app and the queue monitor in a real Chromium, after a sale. What is
// looked at is said in web/e2e.
func TestInTheBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, 1)
	h.sale(t, 100, 20)
	tests := exec.CommandContext(t.Context(), "npm", "run", "--silent", "test")
	tests.Dir = "../web/e2e"
	tests.Env = append(os.Environ(), "COUPONBOOK_URL="+h.apis[0].url,
		"ADMIN_EMAIL="+adminEmail, "ADMIN_PASSWORD="+adminPassword)
	out, err := tests.CombinedOutput()
	require.NoError(t, err, "run `make test-go`, which installs what this needs:\n%s", out)
	t.Logf("%s", out)
	h.verify(t)
}
