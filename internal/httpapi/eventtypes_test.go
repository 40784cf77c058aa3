package httpapi

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

const eventsFile = "../../docs/events.md"

const eventsHead = `# Events

What happens is written down in the transaction in which it happens, told to webhook endpoints that ask for it, and listed by
` + "`GET /api/v1/events`" + `. ` + "`GET /api/v1/event-types`" + ` has the JSON Schema of each; [webhooks.md](webhooks.md) tells how messages come.
A test keeps this page complete: ` + "`go test ./internal/httpapi -fix`" + ` writes it anew.

A message is ` + "`{\"id\", \"type\", \"timestamp\", \"data\"}`" + `. Endpoints ask for types, for all of a resource (` + "`coupon.*`" + `) or for all (` + "`*`" + `). What one
job, or the clock, did to many coupons in one transaction travels together: ` + "`data.coupons`" + ` has 1 to 500 of them.
`

// The documentation of events is that of the code.
func TestTheCatalogueOfEvents(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	want.WriteString(eventsHead)
	for _, info := range coupon.EventTypes() {
		fmt.Fprintf(&want, "\n## `%s`\n\n%s\n\n%s", info.Type, info.Meaning, fieldsOf(t, info))
	}
	if *fix {
		require.NoError(t, os.WriteFile(eventsFile, want.Bytes(), 0o600))
	}
	have, err := os.ReadFile(eventsFile)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(have), "run `go test ./internal/httpapi -fix`")
}

// fieldsOf lists what the data of an event has.
func fieldsOf(t *testing.T, info coupon.EventInfo) string {
	t.Helper()
	raw, err := MessageSchema(info)
	require.NoError(t, err)
	defs, ok := raw["$defs"].(map[string]any)
	require.True(t, ok)
	var lines []string
	var walk func(schema map[string]any, path string)
	walk = func(schema map[string]any, path string) {
		if ref, ok := schema["$ref"].(string); ok {
			schema, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		if items, ok := schema["items"].(map[string]any); ok {
			walk(items, path+"[]")
			return
		}
		fields, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			field, _ := fields[name].(map[string]any)
			always := "always"
			if !slices.Contains(required, any(name)) {
				always = "may be left out"
			}
			about, _ := field["description"].(string)
			lines = append(lines, fmt.Sprintf("| `%s%s` | %s | %s |\n", path, name, always, about))
			walk(field, path+name+".")
		}
	}
	data, _ := raw["properties"].(map[string]any)["data"].(map[string]any)
	walk(data, "")
	return "| field of `data` | | |\n|---|---|---|\n" + strings.ReplaceAll(strings.Join(lines, ""), ".[]", "[].")
}
