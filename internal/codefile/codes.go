package codefile

import (
	"encoding/json"
	"io"
	"strings"

	"couponbook/internal/coupon"
)

// Columns are the names that columns of a file of codes can have;
// metadata.<key> is another one.
var Columns = []string{"code", "user", "max_redemptions", "starts_at", "expires_at", "metadata"}

// NewCodes reads the beginning of a CSV file of codes; days without a time are
// of a zone.
func NewCodes(file io.Reader, o Options, zone string) (*CSV[coupon.UploadRow], error) {
	return newCSV(file, o, layout[coupon.UploadRow]{
		names: Columns,
		others: map[string]string{
			"coupon": "code", "coupon_code": "code", "codes": "code", "holder": "user", "user_id": "user", "email": "user",
			"external_id": "user", "ends_at": "expires_at", "limit": "max_redemptions",
		},
		custom: true,
		row: func(line int, c columns, cells []string) (coupon.UploadRow, error) {
			in, err := codeInput(c, cells)
			return coupon.NewUploadRow(line, in, zone), err
		},
		refused: func(line int, code, detail string) coupon.UploadRow {
			return coupon.UploadRow{Line: line, Code: code}.Refused(coupon.RowMalformed, detail)
		},
	})
}

// codeInput puts the cells of a row where they belong.
func codeInput(c columns, cells []string) (in coupon.RowInput, err error) {
	var keys map[string]string
	for i, cell := range cells {
		switch name := c[i]; name {
		case "code":
			in.Code = cell
		case "user":
			in.User = strings.TrimSpace(cell)
		case "max_redemptions":
			in.MaxRedemptions = strings.TrimSpace(cell)
		case "starts_at":
			in.StartsAt = strings.TrimSpace(cell)
		case "expires_at":
			in.ExpiresAt = strings.TrimSpace(cell)
		case "metadata":
			if cell = strings.TrimSpace(cell); cell != "" {
				in.Metadata = json.RawMessage(cell)
			}
		case ignored:
		default:
			if cell != "" {
				if keys == nil {
					keys = map[string]string{}
				}
				keys[strings.TrimPrefix(name, custom)] = cell
			}
		}
	}
	if keys != nil {
		in.Metadata, err = json.Marshal(keys)
	}
	return in, err
}
