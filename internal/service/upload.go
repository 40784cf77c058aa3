package service

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// UploadWithin is how long a file may take to come in.
const UploadWithin = time.Hour

const (
	mostCopied = 5000             // rows of an upload that one transaction stores
	abandoned  = 2 * UploadWithin // rows of an upload this old get no job any more
)

// UploadRequest brings a file of codes for a book.
type UploadRequest struct {
	BookID         uuid.UUID
	Open           func(zone string) (codefile.Rows[coupon.UploadRow], error) // days are of this zone
	FileName       string                                                     // as the sender calls it; empty: he did not say
	OnDuplicate    coupon.OnDuplicate
	DryRun         bool // only tell what would be refused
	IdempotencyKey string
	Fingerprint    func() []byte // of the file, once it is read
}

// importParams is what an import job keeps of its request.
type importParams struct {
	OnDuplicate    coupon.OnDuplicate `json:"on_duplicate"`
	DryRun         bool               `json:"dry_run"`
	FileName       string             `json:"file_name,omitempty"`
	Holders        bool               `json:"holders"` // some rows name one
	MaxRedemptions int                `json:"max_redemptions"`
}

// SubmitUpload stores the rows of a file as they come, and then accepts the
// job that makes coupons of them. A file that breaks off leaves nothing.
func (s *Service) SubmitUpload(ctx context.Context, p auth.Principal, in UploadRequest) (Submission, error) {
	book, err := s.ownBook(ctx, p, in.BookID)
	if err != nil {
		return Submission{}, err
	}
	if err = book.TakesCodes(); err != nil && in.IdempotencyKey == "" {
		return Submission{}, err // before all of it has been sent
	}
	job := coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.ImportJob, BookID: book.ID, SubmitterID: p.UserID, IdempotencyKey: in.IdempotencyKey,
	}
	params := importParams{
		OnDuplicate: in.OnDuplicate, DryRun: in.DryRun, FileName: in.FileName, MaxRedemptions: book.MaxRedemptions,
	}
	rows, err := in.Open(book.TimeZone)
	if err == nil {
		job.Total, params.Holders, err = s.storeCodes(ctx, job.ID, rows)
	}
	if err == nil {
		job.Params, err = json.Marshal(params)
	}
	if err != nil {
		s.dropRows(ctx, postgres.ImportRows, job.ID)
		return Submission{}, err
	}
	job.Fingerprint = in.Fingerprint()
	submitted, err := s.submitBulk(ctx, p, job, book.TakesCodes)
	if err == nil && submitted.Replayed || errors.Is(err, coupon.ErrBookState) || errors.Is(err, coupon.ErrKeyReused) {
		s.dropRows(ctx, postgres.ImportRows, job.ID)
	}
	return submitted, err
}

// storeCodes stores the rows of a file of codes. It returns how many there are,
// and whether some have a holder.
func (s *Service) storeCodes(ctx context.Context, id uuid.UUID, rows codefile.Rows[coupon.UploadRow]) (n int, holders bool, err error) {
	generator := coupon.NewGenerator()
	n, err = storeRows(rows, func(after int, chunk []coupon.UploadRow) error {
		stored := make([]postgres.ImportRow, len(chunk))
		for i, row := range chunk {
			rank, err := generator.DrawRank()
			if err != nil {
				return err
			}
			holders = holders || row.User != nil
			stored[i] = postgres.ImportRow{UploadRow: row, CouponID: uuid.Must(uuid.NewV7()), DrawRank: rank}
		}
		return s.store.CopyImportRows(ctx, id, after, stored)
	})
	return n, holders, err
}

// storeRows reads a file to its end and stores its rows in chunks, and returns
// how many there are.
func storeRows[R any](rows codefile.Rows[R], store func(after int, chunk []R) error) (n int, err error) {
	chunk := make([]R, 0, mostCopied)
	flush := func() error {
		err := store(n, chunk)
		n, chunk = n+len(chunk), chunk[:0]
		return err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
		if chunk = append(chunk, row); len(chunk) == mostCopied {
			if err = flush(); err != nil {
				return n, err
			}
		}
		if n+len(chunk) > coupon.MaxUpload {
			return n, coupon.ErrBadFile.With("The file has more than %d rows: send it in parts.", coupon.MaxUpload)
		}
	}
	if err = flush(); err == nil && n == 0 {
		err = coupon.ErrBadFile.With("The file has no rows: send one with at least one.")
	}
	return n, err
}

// dropRows forgets the rows of an upload that came to nothing. Where it fails,
// the sweeper does so later.
func (s *Service) dropRows(ctx context.Context, table postgres.JobRows, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := inBatches(mostCopied, func() (int, error) { return s.store.DropRows(ctx, table, id, mostCopied) })
	if err != nil {
		slog.WarnContext(ctx, "rows of an upload not dropped", "job_id", id, "error", err)
	}
}
