package codefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"couponbook/internal/coupon"
)

// JSON reads {"codes": [...]}, of which each is a text or an object with the
// names of Columns.
type JSON struct {
	decoder *json.Decoder
	zone    string
	line    int
}

// NewJSON reads the beginning of a list. The caller bounds the file: a single
// element is held in memory.
func NewJSON(file io.Reader, zone string) (*JSON, error) {
	j := &JSON{decoder: json.NewDecoder(file), zone: zone}
	for _, want := range []json.Token{json.Delim('{'), "codes", json.Delim('[')} {
		token, err := j.decoder.Token()
		if err != nil {
			return nil, asBadJSON(err)
		}
		if token != want {
			return nil, coupon.ErrBadFile.With(`The JSON must be {"codes": [...]}: a list of codes, or of objects with a code.`)
		}
	}
	return j, nil
}

// Next returns the next row, or io.EOF. A row's line is its place in the list.
func (j *JSON) Next() (coupon.UploadRow, error) {
	if !j.decoder.More() {
		for range 2 { // ] and }
			if _, err := j.decoder.Token(); err != nil {
				return coupon.UploadRow{}, asBadJSON(err)
			}
		}
		if _, err := j.decoder.Token(); !errors.Is(err, io.EOF) {
			return coupon.UploadRow{}, coupon.ErrBadFile.With("Something follows the list of codes: send nothing else.")
		}
		return coupon.UploadRow{}, io.EOF
	}
	var raw json.RawMessage
	if err := j.decoder.Decode(&raw); err != nil {
		return coupon.UploadRow{}, asBadJSON(err)
	}
	j.line++
	in, readable := rowInput(raw)
	if !readable {
		row := coupon.UploadRow{Line: j.line, Code: in.Code}
		return row.Refused(coupon.RowMalformed, "must be a text, or an object with code, user, max_redemptions, starts_at, expires_at and metadata"), nil
	}
	return coupon.NewUploadRow(j.line, in, j.zone), nil
}

func rowInput(raw json.RawMessage) (in coupon.RowInput, readable bool) {
	if len(raw) > 0 && raw[0] == '"' {
		err := json.Unmarshal(raw, &in.Code)
		return in, err == nil
	}
	var row struct {
		Code           string          `json:"code"`
		User           string          `json:"user"`
		MaxRedemptions json.Number     `json:"max_redemptions"`
		StartsAt       string          `json:"starts_at"`
		ExpiresAt      string          `json:"expires_at"`
		Metadata       json.RawMessage `json:"metadata"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&row)
	if string(row.Metadata) == "null" {
		row.Metadata = nil
	}
	return coupon.RowInput{
		Code: row.Code, User: row.User, MaxRedemptions: row.MaxRedemptions.String(), StartsAt: row.StartsAt, ExpiresAt: row.ExpiresAt, Metadata: row.Metadata,
	}, err == nil
}

// asBadJSON tells what is wrong with the text; other failures stay what they are.
func asBadJSON(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return coupon.ErrBadFile.With("The JSON is broken after %d bytes: %s.", syntax.Offset, syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return coupon.ErrBadFile.With("The JSON ends too early: send all of it.")
	}
	return err
}
