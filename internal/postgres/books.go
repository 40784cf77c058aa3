package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"couponbook/internal/coupon"
)

const bookColumns = `id, owner_id, name, description, status, starts_at, ends_at, time_zone, max_assignments_per_user,
	require_lock, lock_for, max_redemptions, max_redemptions_per_user, rollback_window, valid_for, low_stock_percent, ending_soon,
	metadata, benefit, archived_at, version, created_at, updated_at`

// AddBook stores a new book with an empty queue and an empty stock.
func (s *Store) AddBook(ctx context.Context, book coupon.Book) (coupon.Book, error) {
	return one[coupon.Book](ctx, s.db, nil, `
		WITH queue AS (INSERT INTO book_queues (book_id) VALUES (@id)),
		     stock AS (INSERT INTO book_stock (book_id) VALUES (@id))
		INSERT INTO books (id, owner_id, name, description, status, starts_at, ends_at, time_zone, max_assignments_per_user,
		                   require_lock, lock_for, max_redemptions, max_redemptions_per_user, rollback_window, valid_for,
		                   low_stock_percent, ending_soon, metadata, benefit, archived_at)
		VALUES (@id, @owner_id, @name, @description, @status, @starts_at, @ends_at, @time_zone, @max,
		        @require_lock, @lock_for, @max_redemptions, @max_redemptions_per_user, @rollback_window, @valid_for,
		        @low_stock_percent, @ending_soon, @metadata, @benefit, @archived_at)
		RETURNING `+bookColumns, bookArgs(book, pgx.StrictNamedArgs{"owner_id": book.OwnerID}))
}

// SaveBook stores a changed book and returns it with its next version. Hold it
// by BookForUpdate first.
func (s *Store) SaveBook(ctx context.Context, book coupon.Book) (coupon.Book, error) {
	return one[coupon.Book](ctx, s.db, coupon.ErrBookNotFound, `
		UPDATE books
		SET name = @name, description = @description, status = @status, starts_at = @starts_at, ends_at = @ends_at,
		    limit_since = CASE WHEN max_assignments_per_user IS DISTINCT FROM @max THEN clock_timestamp() ELSE limit_since END,
		    max_assignments_per_user = @max, require_lock = @require_lock, lock_for = @lock_for,
		    max_redemptions = @max_redemptions, max_redemptions_per_user = @max_redemptions_per_user,
		    rollback_window = @rollback_window, valid_for = @valid_for, time_zone = @time_zone,
		    low_stock_percent = @low_stock_percent, ending_soon = @ending_soon,
		    ending_soon_told_at = CASE WHEN ends_at IS DISTINCT FROM @ends_at THEN NULL ELSE ending_soon_told_at END,
		    metadata = @metadata, benefit = @benefit, archived_at = @archived_at,
		    expired_at = CASE WHEN ends_at IS DISTINCT FROM @ends_at THEN NULL ELSE expired_at END,
		    version = version + 1, updated_at = clock_timestamp()
		WHERE id = @id
		RETURNING `+bookColumns, bookArgs(book, pgx.StrictNamedArgs{}))
}

func bookArgs(book coupon.Book, more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	more["id"], more["name"], more["description"] = book.ID, book.Name, book.Description
	more["status"], more["starts_at"], more["ends_at"] = book.Status, book.StartsAt, book.EndsAt
	more["max"], more["require_lock"], more["lock_for"] = book.MaxAssignmentsPerUser, book.RequireLock, book.LockFor
	more["max_redemptions"], more["max_redemptions_per_user"] = book.MaxRedemptions, book.MaxRedemptionsPerUser
	more["rollback_window"], more["valid_for"], more["time_zone"] = book.RollbackWindow, book.ValidFor, book.TimeZone
	more["low_stock_percent"], more["ending_soon"] = book.LowStockPercent, book.EndingSoon
	more["metadata"], more["benefit"], more["archived_at"] = book.Metadata, book.Benefit, book.ArchivedAt
	return more
}

// Book returns a book, or ErrBookNotFound.
func (s *Store) Book(ctx context.Context, id uuid.UUID) (coupon.Book, error) {
	return one[coupon.Book](ctx, s.db, coupon.ErrBookNotFound,
		`SELECT `+bookColumns+` FROM books WHERE id = @id`, pgx.StrictNamedArgs{"id": id})
}

// BookForUpdate returns a book that nobody else changes until the end of the
// transaction. It locks the stock first, as a drain does: what a drain gives
// out is clearly before the change or after it.
func (s *Store) BookForUpdate(ctx context.Context, id uuid.UUID) (coupon.Book, error) {
	args := pgx.StrictNamedArgs{"id": id}
	if _, err := s.db.Exec(ctx, `SELECT FROM book_stock WHERE book_id = @id FOR UPDATE`, args); err != nil {
		return coupon.Book{}, err
	}
	return one[coupon.Book](ctx, s.db, coupon.ErrBookNotFound,
		`SELECT `+bookColumns+` FROM books WHERE id = @id FOR UPDATE`, args)
}

// Books lists books, newest first.
func (s *Store) Books(ctx context.Context, f coupon.BookFilter, limit int) ([]coupon.Book, error) {
	return all[coupon.Book](ctx, s.db, `
		SELECT `+bookColumns+` FROM books
		WHERE (@owner::uuid IS NULL OR owner_id = @owner) AND (@before::uuid IS NULL OR id < @before)
		  AND (archived_at IS NOT NULL) = @archived
		ORDER BY id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"owner": f.OwnerID, "before": f.Before, "archived": f.Archived, "limit": limit})
}

// OpenBook is a book as the accept path looks at it.
type OpenBook struct {
	coupon.Book
	Free int64     // coupons nobody has
	Now  time.Time // by the database's clock
}

// OpenBooks reads the books of a group of claims. Unknown ones are left out.
func (s *Store) OpenBooks(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]OpenBook, error) {
	books, err := all[OpenBook](ctx, s.db, `
		SELECT `+bookColumns+`, free, clock_timestamp() AS now
		FROM books b JOIN book_stock s ON s.book_id = b.id
		WHERE b.id = ANY(@ids)`, pgx.StrictNamedArgs{"ids": ids})
	byID := make(map[uuid.UUID]OpenBook, len(books))
	for _, book := range books {
		byID[book.ID] = book
	}
	return byID, err
}

// BooksWithStock returns those of the books that have a free coupon.
func (s *Store) BooksWithStock(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := s.db.Query(ctx, `SELECT book_id FROM book_stock WHERE book_id = ANY(@ids) AND free > 0`,
		pgx.StrictNamedArgs{"ids": ids})
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
