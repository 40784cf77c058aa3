package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/google/uuid"

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
type Cursors struct{ secret []byte }

// NewCursors signs with the process's secret.
func NewCursors(secret string) Cursors { return Cursors{[]byte("cursor:" + secret)} }

const macSize = 8 // bytes; enough against accidents and for what a cursor can do

func (s Cursors) mac(list string, data []byte) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(list + "\n"))
	mac.Write(data)
	return mac.Sum(nil)[:macSize]
}

// write makes the cursor of a place in the named list.
func (s Cursors) write(list string, place any) (string, error) {
	data, err := json.Marshal(place)
	return base64.RawURLEncoding.EncodeToString(append(s.mac(list, data), data...)), err
}

// read finds the place; an empty cursor is the start.
func (s Cursors) read(list, cursor string, place any) error {
	if cursor == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < macSize || !hmac.Equal(raw[:macSize], s.mac(list, raw[macSize:])) {
		return coupon.InvalidInput(coupon.Field{Pointer: "cursor", Detail: "use next_cursor of this very list, or none"})
	}
	return json.Unmarshal(raw[macSize:], place)
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
