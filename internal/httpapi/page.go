package httpapi

import (
	"encoding/base64"
	"encoding/json"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// Paging asks for a part of a list. (Embedded types are exported: huma sees no others.)
type Paging struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
}

// page is a part of a list.
type page[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor" doc:"where the list goes on; null at its end"`
}

// idCursor is the place in a list that is ordered by id.
type idCursor struct {
	Before *uuid.UUID `json:"b,omitempty"`
}

// Cursors signs the places in lists, so that a client cannot make one up and a
// damaged one is an error, never page one.
type Cursors struct{ signer auth.Signer }

// NewCursors signs with 8 bytes: enough against accidents and for what a cursor
// can do.
func NewCursors(keys auth.Keyring) Cursors { return Cursors{keys.Signer("cursor", 8)} }

func placeIn(list string, data []byte) []byte { return append([]byte(list+"\n"), data...) }

// write makes the cursor of a place in the named list.
func (s Cursors) write(list string, place any) (string, error) {
	data, err := json.Marshal(place)
	return base64.RawURLEncoding.EncodeToString(append(s.signer.Sign(placeIn(list, data)), data...)), err
}

// read finds the place; an empty cursor is the start.
func (s Cursors) read(list, cursor string, place any) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	size := s.signer.Size()
	if err != nil || len(raw) < size || !s.signer.Proves(raw[:size], placeIn(list, raw[size:])) {
		return coupon.InvalidInput(coupon.Field{Pointer: "cursor", Detail: "use next_cursor of this very list, or none"})
	}
	return json.Unmarshal(raw[size:], place)
}

// pageOf cuts a list that was read one longer than asked, so that the end is known.
func pageOf[R, B any](s Cursors, list string, rows []R, limit int, body func(R) B, place func(R) any) (page[B], error) {
	out := page[B]{Data: make([]B, min(len(rows), limit))}
	for i := range out.Data {
		out.Data[i] = body(rows[i])
	}
	if len(rows) <= limit {
		return out, nil
	}
	next, err := s.write(list, place(rows[limit-1]))
	out.NextCursor = &next
	return out, err
}
