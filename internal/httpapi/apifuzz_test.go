package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

var rounds = flag.Int("rounds", 30, "inputs for each operation of the API")

// Every operation gets inputs as its schema has them and as it has not. Nothing
// of that breaks the service, and every answer is one that the contract has.
func TestAnyInput(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.works = false
	document := h.contract(t)
	router, err := gorillamux.NewRouter(document)
	require.NoError(t, err)
	w := h.world(t)
	callers := []string{h.person(t, coupon.Admin), w.managerToken, w.holders}
	ok, refused, broken := 0, 0, map[string]string{}
	for _, path := range document.Paths.InMatchingOrder() {
		for method, operation := range document.Paths.Value(path).Operations() {
			if slices.Contains([]string{"stream-job", "audit-file", "job-report", "download-export"}, operation.OperationID) {
				continue // they do not answer with JSON, and have tests of their own
			}
			for round := range *rounds {
				in := rapid.Custom(func(t *rapid.T) anyInput { return draw(t, path, operation, w) }).Example(round*1000 + len(path))
				status, fault := h.try(t, router, callers[in.caller], method, path, in)
				if fault != "" {
					broken[operation.OperationID] = fault
				}
				if status < http.StatusBadRequest {
					ok++
				} else {
					refused++
				}
			}
		}
	}
	require.Empty(t, broken, strings.Join(slices.Collect(maps.Values(broken)), "\n\n"))
	require.Greater(t, ok, 200, "many inputs are good")
	require.Greater(t, refused, 200, "many are not")
}

// contract is what the service says of itself, in the version that the checker reads.
func (h *house) contract(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(h.call(t, "", http.MethodGet, "/openapi-3.0.json", nil).body)
	require.NoError(t, err)
	return document
}

type anyInput struct {
	caller      int
	path, query map[string]string
	body        []byte // nil: none
}

// try sends an input and tells in what its answer breaks the contract.
func (h *house) try(t *testing.T, router routers.Router, credential, method, path string, in anyInput) (status int, fault string) {
	t.Helper()
	for name, value := range in.path {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	query := url.Values{}
	for name, value := range in.query {
		query.Set(name, value)
	}
	target := path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request := httptest.NewRequestWithContext(ctx, method, target, bytes.NewReader(in.body))
	if in.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	recorder := httptest.NewRecorder()
	h.handler.ServeHTTP(recorder, request)
	what := fmt.Sprintf("%s %s %.300s: %d %.300s", method, target, in.body, recorder.Code, recorder.Body)
	if recorder.Code >= http.StatusInternalServerError {
		return recorder.Code, what
	}
	meet(recorder.Code, recorder.Body.Bytes())
	route, params, err := router.FindRoute(request)
	if err != nil { // the input made another path of it
		return recorder.Code, ""
	}
	err = openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, Route: route, PathParams: params},
		Status:                 recorder.Code, Header: recorder.Header(), Body: io.NopCloser(recorder.Body),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		return recorder.Code, what + "\n" + err.Error()
	}
	return recorder.Code, ""
}

// draw makes an input for an operation: most of it good.
func draw(t *rapid.T, path string, operation *openapi3.Operation, w world) anyInput {
	in := anyInput{caller: rapid.IntRange(0, 2).Draw(t, "caller"), path: map[string]string{}, query: map[string]string{}}
	for _, p := range operation.Parameters {
		switch parameter := p.Value; parameter.In {
		case openapi3.ParameterInPath:
			in.path[parameter.Name] = drawID(t, w, path, parameter.Name)
		case openapi3.ParameterInQuery:
			if rapid.Bool().Draw(t, "given") {
				in.query[parameter.Name] = fmt.Sprint(drawValue(t, parameter.Schema.Value, w, 0))
			}
		}
	}
	if operation.RequestBody == nil {
		return in
	}
	media := operation.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return in
	}
	in.body, _ = json.Marshal(drawValue(t, media.Schema.Value, w, 0))
	if rapid.IntRange(0, 19).Draw(t, "cut") == 0 {
		in.body = in.body[:len(in.body)/2]
	}
	return in
}

// drawID draws the id of what a path names, mostly, or of something else.
func drawID(t *rapid.T, w world, path, name string) string {
	if named := w.named(strings.TrimPrefix(path, Prefix))[name]; rapid.IntRange(0, 4).Draw(t, "another") > 0 && named != "" {
		return named
	}
	ids := []string{
		w.book.ID.String(), w.draft.ID.String(), w.held.String(), w.free.String(), w.pool.String(), w.endpoint.String(), w.ended.String(),
		w.waiting.String(), w.redemption.String(), w.batch.String(), w.key.String(), w.other.String(), uuid.NewString(), fmt.Sprint(w.delivery),
	}
	if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
		return rapid.StringN(1, 20, 60).Draw(t, name)
	}
	return rapid.SampledFrom(ids).Draw(t, name)
}

// drawValue makes a value of a schema; one in ten is of another sort.
func drawValue(t *rapid.T, s *openapi3.Schema, w world, depth int) any {
	if rapid.IntRange(0, 24).Draw(t, "spoil") == 0 {
		return rapid.OneOf(
			rapid.Just[any](nil), rapid.Just[any]([]any{}), rapid.Just[any](map[string]any{"x": 1}), rapid.Just[any](-1), rapid.Just[any](1e300),
			rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Just[any](true), rapid.Just[any]("\x00"),
		).Draw(t, "spoiled")
	}
	switch {
	case len(s.Enum) > 0:
		return rapid.SampledFrom(s.Enum).Draw(t, "enum")
	case s.Type.Is("object") || len(s.Properties) > 0:
		return drawObject(t, s, w, depth)
	case s.Type.Is("array"):
		items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range items {
			items[i] = drawValue(t, s.Items.Value, w, depth+1)
		}
		return items
	case s.Type.Is("integer"):
		return rapid.IntRange(-1, 50).Draw(t, "integer")
	case s.Type.Is("number"):
		return rapid.Float64().Draw(t, "number")
	case s.Type.Is("boolean"):
		return rapid.Bool().Draw(t, "boolean")
	case s.Format == "uuid":
		return rapid.SampledFrom([]string{w.book.ID.String(), w.holder.UserID.String(), w.pool.String(), uuid.NewString()}).Draw(t, "uuid")
	case s.Format == "date-time":
		return time.Now().Add(time.Duration(rapid.IntRange(-48, 48).Draw(t, "hours")) * time.Hour).Format(time.RFC3339)
	default:
		return rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9#-]{1,20}`), rapid.String(), rapid.Just("ann@example.com"), rapid.Just("Europe/Madrid")).Draw(t, "text")
	}
}

func drawObject(t *rapid.T, s *openapi3.Schema, w world, depth int) map[string]any {
	object := map[string]any{}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names) // so that an example stays the same
	for _, name := range names {
		if slices.Contains(s.Required, name) || depth < 4 && rapid.IntRange(0, 2).Draw(t, "optional") == 0 {
			object[name] = drawValue(t, s.Properties[name].Value, w, depth+1)
		}
	}
	if rapid.IntRange(0, 19).Draw(t, "more") == 0 {
		object["more"] = 1
	}
	return object
}
