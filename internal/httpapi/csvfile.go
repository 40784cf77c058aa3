package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"couponbook/internal/codefile"
)

const (
	csvPage  = 1000             // rows read at a time
	csvPause = 30 * time.Second // that reading and sending a page may take
)

// csvFile sends a file that no spreadsheet takes for formulas. read returns the
// rows after one with a number, and cells the number of a row and what is in it.
func csvFile[R any](ctx context.Context, name string, header []string,
	read func(after int) ([]R, error), cells func(R) (n int, cells []string),
) (*huma.StreamResponse, error) {
	rows, err := read(0)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", "text/csv; charset=utf-8")
		out.SetHeader("Content-Disposition", `attachment; filename="`+name+`.csv"`)
		out.SetHeader("Cache-Control", "no-store")
		writer := out.BodyWriter()
		file, err := codefile.NewWriter(writer, header...)
		for err == nil && len(rows) > 0 {
			extendWrite(writer) // the server's time-out is for whole answers
			last := 0
			for _, row := range rows {
				var texts []string
				if last, texts = cells(row); err == nil {
					err = file.Write(texts...)
				}
			}
			if err == nil {
				err = file.Flush()
			}
			if err == nil {
				rows, err = read(last)
			}
		}
		if err == nil {
			err = file.Flush()
		}
		if err != nil { // too late for a problem: what is there ends in the middle
			slog.WarnContext(ctx, "file not sent to its end", "name", name, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// extendWrite gives what writes to a connection the time for another page.
func extendWrite(writer io.Writer) {
	if response, ok := writer.(http.ResponseWriter); ok {
		_ = http.NewResponseController(response).SetWriteDeadline(time.Now().Add(csvPause))
	}
}

func orZero[T any](value *T) (zero T) {
	if value == nil {
		return zero
	}
	return *value
}
