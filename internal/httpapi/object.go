package httpapi

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// object is a JSON object of the caller's own, kept byte for byte on its way in.
type object json.RawMessage

// UnmarshalJSON keeps the text; what it may be is for the domain to say.
func (o *object) UnmarshalJSON(data []byte) error {
	*o = append((*o)[:0], data...)
	return nil
}

// MarshalJSON writes the text; none is null.
func (o object) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// Schema describes it as any object.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}
