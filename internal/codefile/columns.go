package codefile

import (
	"encoding/json"
	"slices"
	"strings"

	"couponbook/internal/coupon"
)

const (
	maxColumns = 50
	// ignored is what a mapping calls a column that is left out.
	ignored = "-"
	custom  = "metadata." // and the key: one value of the metadata
)

// Columns are the names that columns can have; metadata.<key> is another one.
var Columns = []string{"code", "user", "max_redemptions", "starts_at", "expires_at", "metadata"}

// otherNames are what people call these columns too.
var otherNames = map[string]string{
	"coupon": "code", "coupon_code": "code", "codes": "code", "holder": "user", "user_id": "user", "email": "user",
	"external_id": "user", "ends_at": "expires_at", "limit": "max_redemptions",
}

func columnName(cell string) string {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(cell)), " ", "_")
	if other, ok := otherNames[name]; ok {
		return other
	}
	if strings.HasPrefix(name, custom) {
		return custom + strings.TrimSpace(cell)[len(custom):] // a key keeps its case
	}
	return name
}

// isHeader: no code is called code.
func isHeader(cells []string) bool {
	return slices.ContainsFunc(cells, func(cell string) bool { return columnName(cell) == "code" })
}

// columns says what the cells of a row are, by their place.
type columns []string

func newColumns(cells []string) (columns, error) {
	if len(cells) > maxColumns {
		return nil, coupon.ErrBadFile.With("The file has %d columns: at most %d are read.", len(cells), maxColumns)
	}
	names := make(columns, len(cells))
	seen := map[string]bool{}
	for i, cell := range cells {
		name := columnName(cell)
		known := name == ignored || slices.Contains(Columns, name) || len(name) > len(custom) && strings.HasPrefix(name, custom)
		if !known {
			return nil, coupon.ErrBadFile.With("Column %d is called %.40q: call it one of %s or metadata.<key>, or send columns with its meaning (- leaves it out).",
				i+1, cell, strings.Join(Columns, ", "))
		}
		if seen[name] && name != ignored {
			return nil, coupon.ErrBadFile.With("There are two columns %.40q: leave one out.", name)
		}
		seen[name], names[i] = true, name
	}
	if !seen["code"] {
		return nil, coupon.ErrBadFile.With("No column has the codes: call one code.")
	}
	return names, nil
}

// input puts the cells of a row where they belong.
func (c columns) input(cells []string) (in coupon.RowInput, err error) {
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
