package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

const (
	maxUpload     = 256 << 20 // bytes of a file
	maxUploadJSON = 16 << 20
	// uploadPause is how long an upload may send nothing.
	uploadPause = 30 * time.Second
)

// FileOptions say how a CSV file is written.
type FileOptions struct {
	Header    string `query:"header" enum:"auto,yes,no" default:"auto" doc:"whether the first row is one"`
	Delimiter string `query:"delimiter" enum:"auto,comma,semicolon,tab" default:"auto"`
}

var delimiters = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t'}

func (o FileOptions) options(columns []string) codefile.Options {
	options := codefile.Options{Delimiter: delimiters[o.Delimiter]}
	if len(columns) > 0 {
		options.Columns = columns
	}
	if o.Header != "auto" {
		options.Header = new(o.Header == "yes")
	}
	return options
}

// UploadOptions say how a file is to be read, and what to do with it.
type UploadOptions struct {
	FileOptions
	OnDuplicate coupon.OnDuplicate `query:"on_duplicate" enum:"skip,fail" default:"skip" doc:"of codes that exist already or come twice: skip these, or add nothing at all"`
	DryRun      bool               `query:"dry_run" doc:"only tell what would be refused"`
	Columns     []string           `query:"columns" example:"code,-,expires_at" doc:"what the columns are, by their place: code, user, max_redemptions, starts_at, expires_at, metadata, metadata.<key>, or - to leave one out; without it, the header says"`
	FileName    string             `query:"file_name" maxLength:"200" doc:"what the file is called, for the list of batches"`
}

type uploadRequest struct {
	ByID
	SubmitHeaders
	UploadOptions
	gin *gin.Context // the body is read as it comes
}

// Resolve keeps the request for the handler to stream from.
func (in *uploadRequest) Resolve(ctx huma.Context) []error {
	in.gin = humagin.Unwrap(ctx)
	return nil
}

// uploadCodes accepts a file of codes, however long, and the job that makes
// coupons of them.
func (a *API) uploadCodes(ctx context.Context, in *uploadRequest) (*jobResponse, error) {
	key, err := in.key()
	if err != nil {
		return nil, err
	}
	mark, err := fingerprint("upload", in.ID.String(), in.UploadOptions)
	if err != nil {
		return nil, err
	}
	file := &upload{gin: in.gin, hash: sha256.New(), until: time.Now().Add(a.UploadWithin)}
	file.hash.Write(mark)
	submission, err := a.Service.SubmitUpload(ctx, principalOf(ctx), service.UploadRequest{
		BookID: in.ID, Open: in.open(file), FileName: in.FileName, OnDuplicate: in.OnDuplicate, DryRun: in.DryRun,
		IdempotencyKey: key, Fingerprint: func() []byte { return file.hash.Sum(nil) },
	})
	return a.answerBulk(ctx, submission, told(ctx, err), in.Prefer)
}

// open reads a file of codes, as CSV or JSON.
func (in *uploadRequest) open(file *upload) func(zone string) (codefile.Rows[coupon.UploadRow], error) {
	return func(zone string) (codefile.Rows[coupon.UploadRow], error) {
		return open(file,
			func(text io.Reader) (codefile.Rows[coupon.UploadRow], error) {
				return codefile.NewCodes(text, in.options(in.Columns), zone)
			},
			func(text io.Reader) (codefile.Rows[coupon.UploadRow], error) { return codefile.NewJSON(text, zone) })
	}
}

// upload is a file on its way in.
type upload struct {
	gin   *gin.Context
	hash  hash.Hash // of what has come so far
	until time.Time // it must have come
}

// open finds out what is sent, and reads its beginning: by csv, or by list,
// which is nil where no JSON is taken.
func open[R any](u *upload, csv, list func(io.Reader) (codefile.Rows[R], error)) (codefile.Rows[R], error) {
	request := u.gin.Request
	if encoding := request.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, errCompressed
	}
	kind, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type"))
	most := int64(maxUpload)
	if kind == "application/json" {
		most = maxUploadJSON
	}
	request.Body = http.MaxBytesReader(u.gin.Writer, &steady{request.Body, http.NewResponseController(u.gin.Writer), u.until}, most)
	switch {
	case kind == "text/csv", kind == "application/csv":
		return csv(io.TeeReader(request.Body, u.hash))
	case kind == "application/json" && list != nil:
		return list(io.TeeReader(request.Body, u.hash))
	case kind == "multipart/form-data":
		return openForm(u, csv)
	case list == nil:
		return nil, errNoCSV
	}
	return nil, errNoFile
}

// openForm reads the one file of a form.
func openForm[R any](u *upload, csv func(io.Reader) (codefile.Rows[R], error)) (codefile.Rows[R], error) {
	parts, err := u.gin.Request.MultipartReader()
	if err != nil {
		return nil, coupon.ErrBadFile.With("The form cannot be read: %s.", err)
	}
	part, err := parts.NextPart()
	if err != nil || part.FileName() == "" {
		return nil, errors.Join(asTransfer(err), coupon.ErrBadFile.With("The form must have one file and nothing else: options go into the address."))
	}
	rows, err := csv(io.TeeReader(part, u.hash))
	return &formRows[R]{rows, parts}, err
}

// formRows makes sure that a form has ended with its file.
type formRows[R any] struct {
	codefile.Rows[R]
	parts *multipart.Reader
}

// Next returns the next row, or io.EOF.
func (f *formRows[R]) Next() (R, error) {
	row, err := f.Rows.Next()
	if !errors.Is(err, io.EOF) {
		return row, err
	}
	if _, more := f.parts.NextPart(); !errors.Is(more, io.EOF) {
		return row, errors.Join(asTransfer(more), coupon.ErrBadFile.With("The form must have one file and nothing else: send others by themselves."))
	}
	return row, io.EOF
}

// asTransfer keeps what is wrong with the transfer rather than with the form.
func asTransfer(err error) error {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	_, tooSlow := errors.AsType[*Problem](err)
	if tooLarge || tooSlow || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}

// told makes failures of the transfer problems that say what to do.
func told(ctx context.Context, err error) error {
	large, tooLarge := errors.AsType[*http.MaxBytesError](err)
	_, isProblem := errors.AsType[*Problem](err)
	switch {
	case tooLarge:
		return problemOf(ctx, &Problem{
			Status: http.StatusRequestEntityTooLarge, Code: codeOf[http.StatusRequestEntityTooLarge],
			Detail: fmt.Sprintf("The file has more than %d MiB: send it in parts.", large.Limit>>20),
		})
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded):
		return problemOf(ctx, errCutOff)
	case isProblem:
		return problemOf(ctx, err)
	}
	return err
}

// steady gives a sender time as long as he sends, until it is up: the server's
// own limit is made for small bodies.
type steady struct {
	io.ReadCloser
	control *http.ResponseController
	until   time.Time
}

func (s *steady) Read(p []byte) (int, error) {
	if time.Now().After(s.until) {
		return 0, errTooSlow
	}
	// A server that has no limits needs none lifted.
	_ = s.control.SetReadDeadline(time.Now().Add(uploadPause))
	_ = s.control.SetWriteDeadline(time.Now().Add(2 * uploadPause))
	return s.ReadCloser.Read(p)
}

// files documents the body of an upload, after the fact: huma would read a body
// that it knows of. A file of codes can be a list in JSON, too.
func files(list *huma.Schema, register func(huma.API, huma.Operation)) func(huma.API, huma.Operation) {
	return func(api huma.API, operation huma.Operation) {
		operation.MaxBodyBytes = -1 // it is streamed, and counted on the way
		register(api, operation)
		text := &huma.Schema{Type: "string", Description: "A row for each, with or without a header."}
		form := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"file": {Type: "string", Format: "binary"}}}
		content := map[string]*huma.MediaType{"text/csv": {Schema: text}, "multipart/form-data": {Schema: form}}
		if list != nil {
			content["application/json"] = &huma.MediaType{Schema: list}
		}
		api.OpenAPI().Paths[Prefix+operation.Path].Post.RequestBody = &huma.RequestBody{Required: true, Content: content}
	}
}

// codeList is a file of codes as JSON.
var codeList = &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"codes": {Type: "array", Items: &huma.Schema{}}}, Required: []string{"codes"}}
