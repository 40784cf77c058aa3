package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
	"couponbook/internal/service"
)

// The demo's people. Their passwords are known to everyone: never seed a
// database that others can reach.
const demoPassword = "couponbook-demo"

var demoPeople = []service.Account{
	{Email: "admin@example.com", Name: "Ada Admin", Password: demoPassword, Role: coupon.Admin},
	{Email: "manager@example.com", Name: "Max Manager", Password: demoPassword, Role: coupon.Manager},
	{Email: "ann@example.com", Name: "Ann", Password: demoPassword, Role: coupon.UserRole},
	{Email: "ben@example.com", Name: "Ben", Password: demoPassword, Role: coupon.UserRole},
	{Email: "cleo@example.com", Name: "Cleo", Password: demoPassword, Role: coupon.UserRole},
}

func seedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "seed", Short: "Fill an empty database with demo people and books (never in production)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := databaseURL()
			if err != nil {
				return err
			}
			book, err := seed(cmd.Context(), url)
			if err == nil {
				cmd.Printf("demo people have the password %q; book %s is ready to claim from\n", demoPassword, book)
			}
			return err
		},
	}
}

// noQueue is for use cases that run here and now.
type noQueue struct{}

func (noQueue) RingBook(context.Context, uuid.UUID) error                { return nil }
func (noQueue) RingJob(context.Context, coupon.JobKind, uuid.UUID) error { return nil }
func (noQueue) RingEndpoint(context.Context, uuid.UUID) error            { return nil }
func (noQueue) PublishDone(context.Context, []uuid.UUID) error           { return nil }

// seed makes the demo's people and books, once, and returns the id of the one
// to try things with.
func seed(ctx context.Context, url string) (book uuid.UUID, err error) {
	err = withDatabase(ctx, url, func(pool *pgxpool.Pool) error {
		store := postgres.NewStore(pool)
		people, err := seedPeople(ctx, store)
		if err != nil {
			return err
		}
		s := service.New(store, noQueue{})
		manager := auth.Principal{UserID: people["manager@example.com"], Role: coupon.Manager}
		books, err := s.Books(ctx, manager, coupon.BookFilter{}, 500)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(books, func(b coupon.Book) bool { return b.Name == "Welcome" }); i >= 0 {
			book = books[i].ID
			return nil
		}
		if book, err = seedBooks(ctx, s, manager); err != nil {
			return err
		}
		return seedPool(ctx, s, manager)
	})
	return book, err
}

func seedPeople(ctx context.Context, store *postgres.Store) (map[string]uuid.UUID, error) {
	passwords, err := auth.NewPasswords()
	if err != nil {
		return nil, err
	}
	accounts := service.NewAccountsOffline(store, passwords)
	ids := map[string]uuid.UUID{}
	for _, person := range demoPeople {
		user, err := store.UserByEmail(ctx, person.Email)
		if errors.Is(err, coupon.ErrUserNotFound) {
			user, err = accounts.Register(ctx, person)
		}
		if err != nil {
			return nil, fmt.Errorf("seed %s: %w", person.Email, err)
		}
		ids[person.Email] = user.ID
	}
	return ids, nil
}

// seedBooks makes a book to try things with, a sale that is coming and one
// that has a single coupon; it returns the first of these.
func seedBooks(ctx context.Context, s *service.Service, manager auth.Principal) (uuid.UUID, error) {
	welcome := coupon.NewSettings("Welcome")
	welcome.Description, welcome.MaxAssignmentsPerUser = "Ten percent off, up to three times. A book to try things with.", new(3)
	welcome.RollbackWindow, welcome.Benefit = 24*time.Hour, json.RawMessage(`{"percent_off": 10}`)
	coming := coupon.NewSettings("Midnight sale")
	coming.Description, coming.MaxAssignmentsPerUser = "Half price for a hundred people who are quick.", new(1)
	coming.StartsAt, coming.EndsAt = new(time.Now().Add(26*time.Hour)), new(time.Now().Add(74*time.Hour))
	single := coupon.NewSettings("Golden ticket")
	single.Description, single.MaxAssignmentsPerUser = "There is one. It is good for an hour.", new(1)
	single.ValidFor = time.Hour

	if _, err := seedBook(ctx, s, manager, coming, 100, "NIGHT-####-####"); err != nil {
		return uuid.Nil, err
	}
	if _, err := seedBook(ctx, s, manager, single, 1, "GOLD-####-####-####"); err != nil {
		return uuid.Nil, err
	}
	return seedBook(ctx, s, manager, welcome, 1000, "WELCOME-####-####") // the newest: the README takes that
}

// seedPool makes a pool of the demo's customers.
func seedPool(ctx context.Context, s *service.Service, manager auth.Principal) error {
	pool, err := s.CreatePool(ctx, manager, coupon.PoolSettings{Name: "Regulars", Description: "Who buys every week."})
	if err != nil {
		return err
	}
	var members []coupon.UserRef
	for _, person := range demoPeople {
		if person.Role == coupon.UserRole {
			members = append(members, coupon.UserRef{Email: person.Email})
		}
	}
	_, err = s.AddMembers(ctx, manager, pool.ID, members, false)
	return err
}

func seedBook(ctx context.Context, s *service.Service, manager auth.Principal, settings coupon.BookSettings, n int, pattern string) (uuid.UUID, error) {
	book, err := s.CreateBook(ctx, manager, settings)
	if err != nil {
		return uuid.Nil, err
	}
	codes, err := s.SubmitGenerate(ctx, manager, service.GenerateRequest{BookID: book.ID, Count: n, Format: coupon.CodeFormat{Pattern: pattern}})
	if err != nil {
		return uuid.Nil, err
	}
	if _, err = s.Generate(ctx, codes.Job.ID); err != nil {
		return uuid.Nil, err
	}
	_, err = s.MoveBook(ctx, manager, book.ID, coupon.Active)
	return book.ID, err
}
