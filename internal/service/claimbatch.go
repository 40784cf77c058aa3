package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// ClaimItem is a claim among others, under a name that its client gives it.
type ClaimItem struct {
	ItemID string
	For    coupon.UserRef
	Count  int
}

// ClaimBatchRequest asks for random coupons of a book for many users. It is
// accepted as a whole, and has one place in the book's queue.
type ClaimBatchRequest struct {
	BookID         uuid.UUID
	Items          []ClaimItem
	CreateMissing  bool
	CallbackURL    string
	IdempotencyKey string
	Fingerprint    []byte
	Audit          *coupon.AuditEntry // what is noted; nil: that the caller submits it
}

// SubmitClaimBatch accepts a batch of claims, for the book's manager.
func (s *Service) SubmitClaimBatch(ctx context.Context, p auth.Principal, in ClaimBatchRequest) (Submission, error) {
	if err := checkItems(in.Items); err != nil {
		return Submission{}, err
	}
	if _, err := s.ownBook(ctx, p, in.BookID); err != nil {
		return Submission{}, err
	}
	job := coupon.NewJob{
		ID: uuid.Must(uuid.NewV7()), Kind: coupon.BatchJob, BookID: in.BookID, SubmitterID: p.UserID,
		IdempotencyKey: in.IdempotencyKey, Fingerprint: in.Fingerprint, Total: len(in.Items), Params: json.RawMessage(`{}`), Audit: in.Audit,
	}
	var unfit, err error
	if job.Callback, unfit, err = s.callback(ctx, p.UserID, in.CallbackURL); err != nil {
		return Submission{}, err
	}
	var items []postgres.ClaimItem
	allowed := func() error {
		err := s.takesClaims(ctx, in.BookID)
		if err == nil {
			err = unfit
		}
		if err == nil {
			items, err = s.claimItems(ctx, in)
		}
		return err
	}
	return s.submitBulk(ctx, p, job, allowed, func(tx *postgres.Store) error { return tx.AddClaimItems(ctx, job.ID, items) })
}

func checkItems(items []ClaimItem) error {
	var wrong []coupon.Field
	if len(items) == 0 || len(items) > coupon.MaxBatch {
		wrong = append(wrong, coupon.Field{Pointer: "/items", Detail: fmt.Sprintf("must have 1 to %d items", coupon.MaxBatch)})
	}
	first := make(map[string]int, len(items))
	for i, item := range items {
		if earlier, twice := first[item.ItemID]; twice {
			wrong = append(wrong, coupon.Field{Pointer: fmt.Sprintf("/items/%d/item_id", i), Detail: fmt.Sprintf("is that of item %d too", earlier)})
		} else {
			first[item.ItemID] = i
		}
	}
	if wrong != nil {
		return coupon.InvalidInput(wrong...)
	}
	return nil
}

// takesClaims tells why a book accepts no claims now, or nil.
func (s *Service) takesClaims(ctx context.Context, id uuid.UUID) error {
	books, err := s.store.OpenBooks(ctx, []uuid.UUID{id})
	if err != nil {
		return err
	}
	book := books[id]
	if err = book.TakesClaims(book.Now); err != nil {
		return err
	}
	if book.Free == 0 {
		return coupon.ErrSoldOut
	}
	if s.ShedAfter > 0 {
		overdue, err := s.store.WaitingBooks(ctx, s.ShedAfter)
		if err == nil && slices.Contains(overdue, id) {
			err = coupon.ErrOverloaded
		}
		return err
	}
	return nil
}

// claimItems finds whom the items are for, and makes who is missing. One who is
// not known spoils the batch: nothing of it is accepted.
func (s *Service) claimItems(ctx context.Context, in ClaimBatchRequest) ([]postgres.ClaimItem, error) {
	refs := make([]coupon.UserRef, len(in.Items))
	for i, item := range in.Items {
		refs[i] = item.For
	}
	var missing []coupon.UserRef
	if in.CreateMissing {
		missing = refs
	}
	known, err := findOrMakeUsers(ctx, s.store, refs, missing)
	if err != nil {
		return nil, err
	}
	items := make([]postgres.ClaimItem, len(in.Items))
	var wrong []coupon.Field
	for i, item := range in.Items {
		user, found := known.find(item.For)
		if !found {
			wrong = append(wrong, coupon.Field{Pointer: fmt.Sprintf("/items/%d/user", i), Detail: coupon.ErrUserNotFound.Message})
		}
		items[i] = postgres.ClaimItem{ItemID: item.ItemID, UserID: user, Count: item.Count}
	}
	if wrong != nil {
		return nil, coupon.InvalidInput(wrong...)
	}
	return items, nil
}
