package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a field of a PATCH body that tells "left out" from null.
type optional[T any] struct {
	given bool
	value *T
}

// UnmarshalJSON is called only for fields that are there.
func (o *optional[T]) UnmarshalJSON(data []byte) error {
	o.given = true
	return json.Unmarshal(data, &o.value)
}

// Schema describes the field as what it holds, or null.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	schema := *huma.SchemaFromType(r, reflect.TypeFor[T]())
	schema.Nullable = true
	return &schema
}

// apply sets the target to what was given, if anything was.
func (o optional[T]) apply(target **T) {
	if o.given {
		*target = o.value
	}
}
