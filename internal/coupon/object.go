package coupon

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// MaxObject is the most bytes of an object that callers give us to keep.
const MaxObject = 8 << 10

// object checks a JSON object that is stored as it is; nil: none. Postgres
// cannot keep every JSON there is.
func (f *faults) object(pointer string, raw json.RawMessage) {
	if raw == nil {
		return
	}
	if len(raw) > MaxObject {
		f.add(pointer, "must have at most %d bytes", MaxObject)
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		f.add(pointer, "must be JSON")
		return
	}
	if _, ok := value.(map[string]any); !ok {
		f.add(pointer, "must be an object")
	} else if !storable(value) {
		f.add(pointer, "must be without the character NUL, halves of surrogate pairs, and numbers beyond 1e308")
	}
}

// CheckObject is object for a single one.
func CheckObject(pointer string, raw json.RawMessage) error {
	var wrong faults
	wrong.object(pointer, raw)
	return wrong.err()
}

func storable(value any) bool {
	switch v := value.(type) {
	case string:
		// Go reads half a surrogate pair as the replacement character.
		return !strings.ContainsAny(v, "\x00\uFFFD")
	case json.Number:
		number, err := strconv.ParseFloat(string(v), 64)
		return err == nil && !math.IsInf(number, 0)
	case []any:
		for _, part := range v {
			if !storable(part) {
				return false
			}
		}
	case map[string]any:
		for key, part := range v {
			if !storable(key) || !storable(part) {
				return false
			}
		}
	}
	return true
}
