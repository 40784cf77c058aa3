package httpapi

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"couponbook/internal/coupon"
)

type eventTypeBody struct {
	Type        coupon.EventType `json:"type"`
	Description string           `json:"description" doc:"when it happens"`
	Schema      map[string]any   `json:"schema" doc:"JSON Schema (2020-12) of the message"`
}

type eventTypesResponse struct {
	Body struct {
		Data []eventTypeBody `json:"data"`
	}
}

// listEventTypes lists what endpoints can ask for.
func (a *API) listEventTypes(context.Context, *struct{}) (*eventTypesResponse, error) {
	out := &eventTypesResponse{}
	for _, info := range coupon.EventTypes() {
		schema, err := MessageSchema(info)
		if err != nil {
			return nil, err
		}
		out.Body.Data = append(out.Body.Data, eventTypeBody{info.Type, info.Meaning, schema})
	}
	return out, nil
}

// MessageSchema is the JSON Schema of the messages of a type.
func MessageSchema(info coupon.EventInfo) (schema map[string]any, err error) {
	defs := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	data := huma.SchemaFromType(defs, reflect.TypeOf(info.Data))
	raw, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": info.Type, "description": info.Meaning, "type": "object",
		"properties": map[string]any{
			"id":        map[string]any{"type": "string", "pattern": "^evt_[0-9]+$", "description": "the webhook-id, the same each time it is sent"},
			"type":      map[string]any{"const": info.Type},
			"timestamp": huma.SchemaFromType(defs, reflect.TypeFor[time.Time]()),
			"data":      data,
		},
		"required": []string{"id", "type", "timestamp", "data"}, "additionalProperties": false, "$defs": defs.Map(),
	})
	if err == nil {
		err = json.Unmarshal(raw, &schema)
	}
	return schema, err
}
