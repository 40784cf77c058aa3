//go:build long

package httpapi

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/fixture"
)

// formulas are texts that a spreadsheet could take for one.
var formulas = []string{
	"=1+1", "+1+1", "-1+1", "@SUM(1,1)", "=cmd|' /C calc'!A0", "\t=1+1", "＝1+1", "=HYPERLINK(\"http://example.com\")", "=1+1\";=1+1", "'=1+1",
}

// An export that is opened in LibreOffice shows what could be formulas as text.
// (Debian: libreoffice-calc-nogui.)
func TestLibreOfficeFindsNoFormula(t *testing.T) {
	t.Parallel()
	office, err := exec.LookPath("soffice")
	require.NoError(t, err, "this test needs LibreOffice: install it (Debian: libreoffice-calc-nogui)")
	h := newHouse(t)
	book := fixture.Book(t, h.pool, len(formulas), 0)
	owner := h.token(t, fixture.Owner(book))
	users := fixture.Users(t, h.pool, len(formulas))
	for i, user := range users {
		_, err := h.pool.Exec(t.Context(), `UPDATE users SET external_id = $2 WHERE id = $1`, user.UserID, formulas[i])
		require.NoError(t, err)
	}
	fixture.Queued(t, h.pool, book.ID, users, 1)
	_, err = h.drainer.Drain(t.Context(), book.ID)
	require.NoError(t, err)
	_, imported := h.send(t, owner, bookPath(book, "/codes/upload"), "text/csv", "code,metadata.x\n-1-2,=1+1\n-1.5,x\n=1+1,y\n@2,z\n")
	exported := h.run(t, owner, bookPath(book, "/codes/export"), nil)

	folder := t.TempDir()
	for name, url := range map[string]string{"codes": exported.Result.Export.URL, "refused": imported.Links.Self + "/outcomes.csv"} {
		file := h.call(t, owner, http.MethodGet, url, nil)
		require.Equal(t, http.StatusOK, file.status)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".csv"), file.body, 0o600))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		convert := exec.CommandContext(ctx, office, "--headless", "--convert-to", "fods", "--outdir", folder, filepath.Join(folder, name+".csv"))
		convert.Env = append(os.Environ(), "HOME="+folder)
		said, err := convert.CombinedOutput()
		require.NoError(t, err, "%s", said)
		sheet, err := os.ReadFile(filepath.Join(folder, name+".fods"))
		require.NoError(t, err, "%s", said)
		require.NotContains(t, string(sheet), "table:formula", name)
		require.Positive(t, strings.Count(string(sheet), "1+1"), name)
	}
}
