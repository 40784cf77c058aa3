package service

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// CreateBook makes a draft that belongs to the caller.
func (s *Service) CreateBook(ctx context.Context, p auth.Principal, settings coupon.BookSettings) (coupon.Book, error) {
	book, err := coupon.NewBook(uuid.Must(uuid.NewV7()), p.UserID, settings)
	if err != nil {
		return book, err
	}
	var made coupon.Book
	return made, s.store.InTx(ctx, func(tx *postgres.Store) error {
		if made, err = tx.AddBook(ctx, book); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.BookCreate, book.ID, nil, settings)
	})
}

// Book returns a book that the caller may see: his own as a manager, or any
// that is not a draft, without what its owner keeps in it for himself.
func (s *Service) Book(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Book, error) {
	book, err := s.store.Book(ctx, id)
	if err != nil || p.Owns(book.OwnerID) {
		return book, err
	}
	if book.Status == coupon.Draft {
		return coupon.Book{}, coupon.ErrBookNotFound
	}
	book.Metadata = json.RawMessage(`{}`)
	return book, nil
}

// Books lists the books that the caller manages, newest first.
func (s *Service) Books(ctx context.Context, p auth.Principal, f coupon.BookFilter, limit int) ([]coupon.Book, error) {
	f.OwnerID = managing(p)
	return s.store.Books(ctx, f, limit)
}

// Stock tells what the open books have left that the caller manages, the
// scarcest first; MaxStock of them.
func (s *Service) Stock(ctx context.Context, p auth.Principal) ([]coupon.BookStock, error) {
	return s.store.OpenStock(ctx, managing(p), coupon.MaxStock)
}

// managing narrows a list to what the caller manages; an admin manages all.
func managing(p auth.Principal) *uuid.UUID {
	if p.Role == coupon.Admin {
		return nil
	}
	return &p.UserID
}

// EditBook changes a book by edit, which gets the settings as they are. With a
// version it does so only while the book has that one.
func (s *Service) EditBook(ctx context.Context, p auth.Principal, id uuid.UUID, version *int,
	edit func(*coupon.BookSettings) error,
) (coupon.Book, error) {
	return s.changeBook(ctx, p, id, coupon.BookEdit, func(_ *postgres.Store, book coupon.Book) (coupon.Book, error) {
		if version != nil && *version != book.Version {
			return book, coupon.ErrBookChanged
		}
		settings := book.Settings()
		if err := edit(&settings); err != nil {
			return book, err
		}
		return book.With(settings)
	})
}

// MoveBook activates, pauses or closes a book. Accepted claims wait while it is
// paused and end as book_not_active once it is closed.
func (s *Service) MoveBook(ctx context.Context, p auth.Principal, id uuid.UUID, to coupon.BookStatus) (coupon.Book, error) {
	return s.advanceBook(ctx, p, id, coupon.BookMove, coupon.BookMoved[to], func(book coupon.Book) (coupon.Book, error) { return book.Move(to) })
}

// ArchiveBook closes a book and takes it out of the lists.
func (s *Service) ArchiveBook(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	_, err := s.advanceBook(ctx, p, id, coupon.BookArchive, coupon.BookArchived, func(book coupon.Book) (coupon.Book, error) {
		return book.Archive(time.Now())
	})
	return err
}

// advanceBook writes and tells what step makes of the book, if anything, and
// wakes the claims that may have waited for it.
func (s *Service) advanceBook(ctx context.Context, p auth.Principal, id uuid.UUID, action coupon.Action, event coupon.EventType,
	step func(coupon.Book) (coupon.Book, error),
) (coupon.Book, error) {
	moved := false
	book, err := s.changeBook(ctx, p, id, action, func(tx *postgres.Store, book coupon.Book) (coupon.Book, error) {
		next, err := step(book)
		if moved = next.Status != book.Status || next.ArchivedAt != book.ArchivedAt; err != nil || !moved {
			return next, err
		}
		return next, tx.AddEvent(ctx, postgres.Event{Type: event, BookID: id, ActorID: &p.UserID})
	})
	if err == nil && moved {
		s.ring(ctx, id, func(ctx context.Context) error { return s.queue.RingBook(ctx, id) })
	}
	return book, err
}

// auditBook is what the audit log tells of a book.
type auditBook struct {
	Status   coupon.BookStatus
	Archived bool
	coupon.BookSettings
}

func auditedBook(b coupon.Book) auditBook {
	return auditBook{b.Status, b.ArchivedAt != nil, b.Settings()}
}

func (s *Service) changeBook(ctx context.Context, p auth.Principal, id uuid.UUID, action coupon.Action,
	change func(tx *postgres.Store, book coupon.Book) (coupon.Book, error),
) (coupon.Book, error) {
	var changed coupon.Book
	err := s.store.InTx(ctx, func(tx *postgres.Store) error {
		book, err := tx.BookForUpdate(ctx, id)
		if err != nil {
			return err
		}
		if !p.Owns(book.OwnerID) {
			return coupon.ErrBookNotFound
		}
		if changed, err = change(tx, book); err != nil {
			return err
		}
		if changed, err = tx.SaveBook(ctx, changed); err != nil {
			return err
		}
		return audit(ctx, tx, p, action, id, auditedBook(book), auditedBook(changed))
	})
	return changed, err
}

// BookStats counts a book's coupons and claims, for its manager.
func (s *Service) BookStats(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.BookStats, error) {
	if _, err := s.ownBook(ctx, p, id); err != nil {
		return coupon.BookStats{}, err
	}
	return s.store.BookStats(ctx, id)
}

// ownBook returns a book that the caller manages, or ErrBookNotFound.
func (s *Service) ownBook(ctx context.Context, p auth.Principal, id uuid.UUID) (coupon.Book, error) {
	book, err := s.store.Book(ctx, id)
	if err == nil && !p.Owns(book.OwnerID) {
		return coupon.Book{}, coupon.ErrBookNotFound
	}
	return book, err
}
