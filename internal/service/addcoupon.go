package service

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// AddCouponRequest brings a single code for a book.
type AddCouponRequest struct {
	BookID uuid.UUID
	Row    coupon.RowInput
	Once   Once
}

// AddCoupon adds one coupon with a given code.
func (t *Till) AddCoupon(ctx context.Context, p auth.Principal, in AddCouponRequest) (out Outcome, err error) {
	r := request{by: p, once: in.Once}
	rank, err := coupon.NewGenerator().DrawRank()
	if err != nil {
		return out, err
	}
	err = t.store.InTx(ctx, func(tx *postgres.Store) error {
		if answered, err := r.replay(ctx, tx, &out); answered || err != nil {
			return err
		}
		book, err := tx.Book(ctx, in.BookID)
		if err == nil && !p.Owns(book.OwnerID) {
			err = coupon.ErrBookNotFound
		}
		if err == nil {
			err = book.TakesCodes()
		}
		if err != nil {
			return err
		}
		row := coupon.NewUploadRow(1, in.Row, book.TimeZone)
		if row.Reason != "" {
			return coupon.InvalidInput(coupon.Field{Pointer: pointerOf(row), Detail: row.Detail})
		}
		if out.Till, err = t.addRow(ctx, tx, p, book, row, rank); err != nil {
			return err
		}
		if err = audit(ctx, tx, p, coupon.CouponAdd, out.Till.Coupon.ID, nil, auditAdded{in.BookID}); err != nil {
			return err
		}
		return r.keep(ctx, tx, out)
	})
	return out, err
}

// auditAdded is what the audit log tells of a coupon that was added: not its code.
type auditAdded struct{ BookID uuid.UUID }

// addRow makes a coupon of a row that is fine.
func (t *Till) addRow(ctx context.Context, tx *postgres.Store, p auth.Principal, book coupon.Book, row coupon.UploadRow, rank int64) (coupon.Till, error) {
	batch, err := tx.AddedBatch(ctx, book.ID)
	if err != nil {
		return coupon.Till{}, err
	}
	id := uuid.Must(uuid.NewV7())
	err = tx.AddCoupon(ctx, book, batch, postgres.ImportRow{UploadRow: row, CouponID: id, DrawRank: rank})
	if err != nil {
		return coupon.Till{}, err
	}
	data, err := json.Marshal(coupon.CodesAddedData{BatchID: batch, Count: 1})
	if err == nil {
		err = tx.AddEvent(ctx, postgres.Event{Type: coupon.CodesAdded, BookID: book.ID, ActorID: &p.UserID, Data: data})
	}
	if err == nil {
		err = tx.AddStock(ctx, book.ID, batch, 1, 1)
	}
	if err != nil {
		return coupon.Till{}, err
	}
	return tx.ReadTill(ctx, postgres.CouponRef{ID: &id})
}

// pointerOf is the field that a refused row is refused for.
func pointerOf(row coupon.UploadRow) string {
	switch row.Reason {
	case coupon.RowBadLimit:
		return "/max_redemptions"
	case coupon.RowBadMetadata:
		return "/metadata"
	case coupon.RowBadDate:
		field, _, _ := strings.Cut(row.Detail, " ")
		return "/" + field
	default:
		return "/code"
	}
}
