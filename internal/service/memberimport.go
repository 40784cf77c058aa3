package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/codefile"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// MemberUpload brings a file of members for a pool.
type MemberUpload struct {
	PoolID         uuid.UUID
	Open           func() (codefile.Rows[coupon.MemberRow], error)
	CreateMissing  bool // make accounts for e-mails and external ids that name nobody
	IdempotencyKey string
	Fingerprint    func() []byte // of the file, once it is read
}

type memberParams struct {
	CreateMissing bool `json:"create_missing"`
}

// SubmitMembers stores the rows of a file as they come, and then accepts the
// job that adds them to the pool. A file that breaks off leaves nothing.
func (s *Service) SubmitMembers(ctx context.Context, p auth.Principal, in MemberUpload) (Submission, error) {
	pool, err := s.ownPool(ctx, p, in.PoolID)
	if err != nil {
		return Submission{}, err
	}
	job := coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.ImportMembersJob, PoolID: pool.ID, SubmitterID: p.UserID, IdempotencyKey: in.IdempotencyKey,
	}
	if job.Params, err = json.Marshal(memberParams{in.CreateMissing}); err != nil {
		return Submission{}, err
	}
	rows, err := in.Open()
	if err == nil {
		job.Total, err = storeRows(rows, func(after int, chunk []coupon.MemberRow) error {
			stored := make([]postgres.MemberRow, len(chunk))
			for i, row := range chunk {
				stored[i] = postgres.MemberRow{MemberRow: row, NewID: uuid.Must(uuid.NewV7())}
			}
			return s.store.CopyMemberRows(ctx, job.ID, after, stored)
		})
	}
	if err != nil {
		s.dropRows(ctx, postgres.MemberRows, job.ID)
		return Submission{}, err
	}
	job.Fingerprint = in.Fingerprint()
	submitted, err := s.submitBulk(ctx, p, job, always, func(tx *postgres.Store) error { return tx.KeepPool(ctx, pool.ID) })
	if err == nil && submitted.Replayed || errors.Is(err, coupon.ErrKeyReused) || errors.Is(err, coupon.ErrPoolNotFound) {
		s.dropRows(ctx, postgres.MemberRows, job.ID)
	}
	return submitted, err
}

// MembersImported is what an import of members tells at its end.
type MembersImported struct {
	Added   int             `json:"added"`
	Same    int             `json:"same"` // were members before, or come twice
	Refused int             `json:"refused"`
	Reasons json.RawMessage `json:"reasons"` // how many rows for each
}

// ImportMembers runs an import of members to its end, from where an earlier run
// stopped, and returns what it has come to.
func (s *Service) ImportMembers(ctx context.Context, jobID uuid.UUID) (done MembersImported, err error) {
	var params memberParams
	run, ok, err := s.startBulk(ctx, jobID, &params)
	if err != nil || !ok {
		return done, err
	}
	if len(run.Result) > 0 {
		err = json.Unmarshal(run.Result, &done)
	}
	for err == nil && run.Processed < run.Total {
		span := postgres.Span{After: run.Processed, To: min(run.Processed+mostImported, run.Total)}
		if params.CreateMissing { // in a transaction of its own: who is made stays
			err = s.inRun(ctx, &run, func(tx *postgres.Store) error { return tx.MakeUsers(ctx, run, span) })
		}
		if err == nil {
			err = s.inRun(ctx, &run, func(tx *postgres.Store) error { return joinPart(ctx, tx, &run, span, &done) })
		}
	}
	switch {
	case errors.Is(err, coupon.ErrPoolNotFound):
		err = s.endMembers(ctx, run, done, coupon.ErrPoolNotFound.With("The pool was deleted: nobody else was added."))
	case err == nil:
		err = s.endMembers(ctx, run, done, nil)
	}
	if err != nil {
		return done, fmt.Errorf("import members: %w", err)
	}
	return done, nil
}

// joinPart adds the users of some rows to the pool, and counts.
func joinPart(ctx context.Context, tx *postgres.Store, run *postgres.BulkRun, span postgres.Span, done *MembersImported) error {
	added, refused, err := tx.JoinPool(ctx, *run, span)
	if err != nil {
		return err
	}
	next, rows := *done, span.To-span.After
	next.Added += added
	next.Refused += refused
	next.Same += rows - added - refused
	next.Reasons = json.RawMessage(`{}`)
	data, err := json.Marshal(next)
	if err == nil {
		err = tx.NoteResult(ctx, *run, data)
	}
	if err == nil {
		err = tx.Advance(ctx, *run, rows-refused, refused)
	}
	if err == nil {
		*done, run.Processed = next, span.To
	}
	return err
}

func (s *Service) endMembers(ctx context.Context, run postgres.BulkRun, done MembersImported, failure *coupon.Error) error {
	err := s.inRun(ctx, &run, func(tx *postgres.Store) (err error) {
		if done.Reasons, err = tx.CountReasons(ctx, run.ID); err != nil {
			return err
		}
		data, err := json.Marshal(done)
		if err != nil {
			return err
		}
		return tx.EndBulk(ctx, run, failure, data)
	})
	if err == nil {
		s.publishDone(ctx, run)
	}
	return err
}
