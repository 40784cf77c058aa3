package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// mostImported is how many rows of an upload one transaction makes coupons of.
const mostImported = 5000

// errRaced: somebody added a code of the file after it was checked.
var errRaced = errors.New("a code was added meanwhile")

// importing is a run of an import job.
type importing struct {
	*Service
	run    postgres.BulkRun
	params importParams
	batch  uuid.UUID
}

// Import runs an import job to its end, from where an earlier run stopped, and
// returns what it did.
func (s *Service) Import(ctx context.Context, jobID uuid.UUID) (done postgres.Imported, err error) {
	i := &importing{Service: s}
	ok := false
	if i.run, ok, err = s.startBulk(ctx, jobID, &i.params); err != nil || !ok {
		return done, err
	}
	if done, err = i.do(ctx); err != nil {
		return done, fmt.Errorf("import codes: %w", err)
	}
	return done, nil
}

func (i *importing) do(ctx context.Context) (done postgres.Imported, err error) {
	if !i.params.DryRun {
		batch := postgres.NewBatch{Kind: coupon.Uploaded}
		if i.params.FileName != "" {
			batch.FileName = &i.params.FileName
		}
		if i.batch, err = i.store.AddBatch(ctx, i.run, batch); err != nil {
			return done, err
		}
	}
	if i.run.Processed == 0 {
		if err = i.inRun(ctx, &i.run, func(tx *postgres.Store) error { return tx.RefuseRepeated(ctx, i.run) }); err != nil {
			return done, err
		}
	}
	if i.params.DryRun || i.params.OnDuplicate == coupon.FailOnDuplicate {
		return i.wholly(ctx)
	}
	for i.run.Processed < i.run.Total {
		if err = i.inRun(ctx, &i.run, func(tx *postgres.Store) error { return i.add(ctx, tx, i.next()) }); err != nil {
			return done, err
		}
	}
	return i.end(ctx, nil)
}

// mostTried is how often an import that adds all or nothing begins when somebody
// adds one of its codes at the same time.
const mostTried = 3

// wholly checks all rows before the first is added; then all are added in one
// transaction, or none: of these nothing can be seen before the end, and
// nobody can be given one.
func (i *importing) wholly(ctx context.Context) (done postgres.Imported, err error) {
	for tries := 1; i.run.Processed == 0; tries++ { // else an earlier run did all but the end
		if err = i.inRun(ctx, &i.run, func(tx *postgres.Store) error { return i.judgeAll(ctx, tx) }); err != nil {
			return done, err
		}
		if i.run.Processed > 0 {
			break // nothing is to be added
		}
		err = i.inRun(ctx, &i.run, func(tx *postgres.Store) error { return i.addAll(ctx, tx) })
		if err != nil && (!errors.Is(err, errRaced) || tries == mostTried) {
			return done, err
		}
	}
	fails, err := i.fails(ctx, i.store)
	if err != nil {
		return done, err
	}
	if fails {
		return i.end(ctx, coupon.ErrDuplicates)
	}
	return i.end(ctx, nil)
}

// judgeAll refuses the rows that cannot be added. Where that leaves none to
// add, it tells of them and counts.
func (i *importing) judgeAll(ctx context.Context, tx *postgres.Store) error {
	whole := postgres.Span{To: i.run.Total}
	if err := i.check(ctx, tx, whole); err != nil {
		return err
	}
	fails, err := i.fails(ctx, tx)
	if err != nil || !fails && !i.params.DryRun {
		return err
	}
	counts, err := tx.CountRows(ctx, i.run, whole)
	if err != nil {
		return err
	}
	if err = tx.TellRefused(ctx, i.run, whole); err != nil {
		return err
	}
	if !i.params.DryRun { // those that are fine are not added either
		counts.Added = 0
	}
	return i.advance(ctx, tx, counts.Added, counts.Refused)
}

// fails reports whether duplicates are the end of the whole import.
func (i *importing) fails(ctx context.Context, tx *postgres.Store) (bool, error) {
	if i.params.OnDuplicate != coupon.FailOnDuplicate {
		return false, nil
	}
	return tx.HasDuplicates(ctx, i.run)
}

func (i *importing) addAll(ctx context.Context, tx *postgres.Store) error {
	for i.run.Processed < i.run.Total {
		if err := i.add(ctx, tx, i.next()); err != nil {
			return err
		}
	}
	return nil
}

func (i *importing) next() postgres.Span {
	return postgres.Span{After: i.run.Processed, To: min(i.run.Processed+mostImported, i.run.Total)}
}

// check refuses the rows of a span that cannot be added.
func (i *importing) check(ctx context.Context, tx *postgres.Store, span postgres.Span) error {
	if err := tx.RefuseKnown(ctx, i.run, span); err != nil || !i.params.Holders {
		return err
	}
	if err := tx.ResolveHolders(ctx, i.run, span); err != nil {
		return err
	}
	book, err := tx.Book(ctx, i.run.BookID)
	if err != nil || book.MaxAssignmentsPerUser == nil {
		return err
	}
	return tx.RefuseOverLimit(ctx, i.run, span, *book.MaxAssignmentsPerUser)
}

// add makes coupons of the rows of a span, tells of those that are refused, and
// counts both.
func (i *importing) add(ctx context.Context, tx *postgres.Store, span postgres.Span) error {
	more := postgres.NewCoupons{BatchID: i.batch, MaxRedemptions: max(1, i.params.MaxRedemptions)}
	if i.params.Holders { // it gives coupons out: nobody else does meanwhile
		book, err := tx.BookAndStock(ctx, i.run.BookID)
		if err != nil {
			return err
		}
		more.Now, more.Expiry = book.Now, book.ExpiryOf(book.Now)
	}
	if err := i.check(ctx, tx, span); err != nil {
		return err
	}
	added, err := tx.AddImported(ctx, i.run, span, more)
	if err != nil {
		return err
	}
	counts, err := tx.CountRows(ctx, i.run, span)
	if err == nil && added < counts.Added {
		if i.params.OnDuplicate == coupon.FailOnDuplicate {
			return errRaced
		}
		if err = tx.RefuseKnown(ctx, i.run, span); err == nil {
			counts, err = tx.CountRows(ctx, i.run, span)
		}
	}
	if err != nil {
		return err
	}
	if counts.Held > 0 {
		if err = tx.CountHolders(ctx, i.run, span, more.Now); err != nil {
			return err
		}
	}
	if err = tx.TellRefused(ctx, i.run, span); err != nil {
		return err
	}
	if err = i.advance(ctx, tx, added, counts.Refused); err != nil {
		return err
	}
	return tx.AddStock(ctx, i.run.BookID, i.batch, added, added-counts.Held)
}

func (i *importing) advance(ctx context.Context, tx *postgres.Store, added, refused int) error {
	if err := tx.Advance(ctx, i.run, added, refused); err != nil {
		return err
	}
	i.run.Processed += added + refused
	i.run.Failed += refused
	return nil
}

// importResult is what the job tells at its end.
type importResult struct {
	BatchID *uuid.UUID      `json:"batch_id"` // null: a dry run, or nothing was added
	DryRun  bool            `json:"dry_run"`
	Added   int             `json:"added"`
	Refused int             `json:"refused"`
	Reasons json.RawMessage `json:"reasons"` // how many rows for each
}

func (i *importing) end(ctx context.Context, failure *coupon.Error) (postgres.Imported, error) {
	done := postgres.Imported{Added: i.run.Processed - i.run.Failed, Refused: i.run.Failed}
	result := importResult{DryRun: i.params.DryRun, Added: done.Added, Refused: done.Refused}
	var err error
	if result.Reasons, err = i.store.CountReasons(ctx, i.run.ID); err != nil {
		return done, err
	}
	added := done.Added
	if i.params.DryRun {
		added = 0
	} else if added > 0 {
		result.BatchID = &i.batch
	}
	data, err := json.Marshal(result)
	if err != nil {
		return done, err
	}
	return done, i.endCodes(ctx, i.run, i.batch, added, failure, data)
}
