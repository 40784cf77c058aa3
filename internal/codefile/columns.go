package codefile

import (
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

// layout says what is in the columns of a kind of files, and makes rows of it.
type layout[R any] struct {
	names   []string          // that columns can have; the first one must be there
	others  map[string]string // what people call these columns too
	custom  bool              // metadata.<key> is another one
	row     func(line int, c columns, cells []string) (R, error)
	refused func(line int, first, detail string) R // a row that is none, by what is in its first column
}

func (l layout[R]) nameOf(cell string) string {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(cell)), " ", "_")
	if other, ok := l.others[name]; ok {
		return other
	}
	if strings.HasPrefix(name, custom) {
		return custom + strings.TrimSpace(cell)[len(custom):] // a key keeps its case
	}
	return name
}

// isHeader: no code is called code, and nobody user.
func (l layout[R]) isHeader(cells []string) bool {
	return slices.ContainsFunc(cells, func(cell string) bool { return l.nameOf(cell) == l.names[0] })
}

// columns says what the cells of a row are, by their place.
type columns []string

func (l layout[R]) columns(cells []string) (columns, error) {
	if len(cells) > maxColumns {
		return nil, coupon.ErrBadFile.With("The file has %d columns: at most %d are read.", len(cells), maxColumns)
	}
	names := make(columns, len(cells))
	seen := map[string]bool{}
	known := strings.Join(l.names, ", ")
	if l.custom {
		known += " or metadata.<key>"
	}
	for i, cell := range cells {
		name := l.nameOf(cell)
		if name != ignored && !slices.Contains(l.names, name) && (!l.custom || len(name) == len(custom) || !strings.HasPrefix(name, custom)) {
			return nil, coupon.ErrBadFile.With("Column %d is called %.40q: call it one of %s, or send columns with its meaning (- leaves it out).",
				i+1, cell, known)
		}
		if seen[name] && name != ignored {
			return nil, coupon.ErrBadFile.With("There are two columns %.40q: leave one out.", name)
		}
		seen[name], names[i] = true, name
	}
	if !seen[l.names[0]] {
		return nil, coupon.ErrBadFile.With("No column has the %ss: call one %s.", l.names[0], l.names[0])
	}
	return names, nil
}

// get is the cell in the column with a name; empty where there is none.
func (c columns) get(cells []string, name string) string {
	for i, cell := range cells {
		if i < len(c) && c[i] == name {
			return cell
		}
	}
	return ""
}
