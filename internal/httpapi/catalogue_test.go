package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

var fix = flag.Bool("fix", false, "write docs/errors.md and docs/openapi.json as they should be")

const catalogueFile = "../../docs/errors.md"

const catalogueHead = `# Errors

Every refusal is a problem (RFC 9457) with a stable ` + "`code`" + `, a ` + "`detail`" + ` that says what to do, ` + "`errors`" + ` that point at the
faults of the input, and a ` + "`request_id`" + `. A job that failed has the same codes in its ` + "`error`" + `. A test keeps this list complete,
and each code is met by one: ` + "`go test ./internal/httpapi -fix`" + ` writes it anew.

| code | status | detail |
|---|---|---|
`

// entries are the lines of the catalogue by code.
func entries() map[string]string {
	lines := map[string]string{}
	add := func(code string, status int, detail string) {
		lines[code] = fmt.Sprintf("| `%s` | %d | %s |\n", code, status, detail)
	}
	for _, e := range coupon.Catalogue() {
		add(e.Code, statusOf[e.Kind], e.Message)
	}
	for status, code := range codeOf {
		if _, known := lines[code]; !known {
			add(code, status, "The HTTP request itself is at fault; see errors.")
		}
	}
	for _, p := range []*Problem{errNoRoute, errMethod, errCSRF, errOrigin, errCutOff, errTooSlow} {
		add(p.Code, p.Status, p.Detail)
	}
	return lines
}

// The catalogue of the documentation is that of the code.
func TestTheCatalogueOfErrors(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	want.WriteString(catalogueHead)
	all := entries()
	codes := make([]string, 0, len(all))
	for code := range all {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		want.WriteString(all[code])
	}
	if *fix {
		require.NoError(t, os.WriteFile(catalogueFile, want.Bytes(), 0o600))
	}
	have, err := os.ReadFile(catalogueFile)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(have), "run `go test ./internal/httpapi -fix`")
}

// met are the codes that answers of this run had.
var met sync.Map

func meet(status int, body []byte) {
	var answer struct {
		Code  string
		Error *struct{ Code string }
	}
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	if status >= http.StatusBadRequest {
		met.Store(answer.Code, true)
	} else if answer.Error != nil {
		met.Store(answer.Error.Code, true)
	}
}

// missed are the codes of the catalogue that no test has met.
func missed() (codes []string) {
	for code := range entries() {
		if _, found := met.Load(code); !found {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// checkMet fails a complete run in which an error was never answered.
func checkMet(ended int) int {
	if ended != 0 || flag.Lookup("test.run").Value.String() != "" {
		return ended
	}
	if codes := missed(); len(codes) > 0 {
		fmt.Fprintln(os.Stderr, "no test meets these errors of the catalogue:", strings.Join(codes, ", "))
		return 1
	}
	return ended
}
