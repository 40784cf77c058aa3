package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const contractFile = "../../docs/openapi.json"

// The written contract, from which the web app's types are made, is the one
// that is served.
func TestTheContractIsWrittenDown(t *testing.T) {
	t.Parallel()
	var served bytes.Buffer
	require.NoError(t, json.Indent(&served, newHouse(t).call(t, "", http.MethodGet, "/openapi.json", nil).body, "", "  "))
	served.WriteByte('\n')
	if *fix {
		require.NoError(t, os.WriteFile(contractFile, served.Bytes(), 0o600))
	}
	have, err := os.ReadFile(contractFile)
	require.NoError(t, err)
	require.True(t, bytes.Equal(served.Bytes(), have), "docs/openapi.json has drifted: run `make generate`")
}
