package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// SessionTimes is how long sessions go on.
type SessionTimes struct {
	Idle time.Duration // without being used
	Most time.Duration // however much they are used
}

// Accounts has the use cases of people and their servers: who they are.
type Accounts struct {
	store     *postgres.Store
	passwords *auth.Passwords
	tokens    *auth.Tokens
	ended     *EndedSessions
	times     SessionTimes
	keys      *keyCache
	used      *usedKeys
	later     *bells // of a transaction that is not over; nil: there is none
}

// NewAccounts makes accounts that people can sign in to.
func NewAccounts(store *postgres.Store, passwords *auth.Passwords, tokens *auth.Tokens, ended *EndedSessions, times SessionTimes) *Accounts {
	return &Accounts{
		store: store, passwords: passwords, tokens: tokens, ended: ended, times: times, keys: newKeyCache(), used: &usedKeys{},
	}
}

// NewAccountsOffline makes accounts where nobody signs in: for tools.
func NewAccountsOffline(store *postgres.Store, passwords *auth.Passwords) *Accounts {
	return &Accounts{store: store, passwords: passwords, keys: newKeyCache(), used: &usedKeys{}}
}

// Account is what somebody registers with.
type Account struct {
	Email, Name, Password string
	Role                  coupon.Role
}

// Register makes an account. Whoever makes an admin or a manager does so at the
// command line; people register as users.
func (a *Accounts) Register(ctx context.Context, in Account) (coupon.User, error) {
	user, err := a.newUser(ctx, in)
	if err != nil {
		return user, err
	}
	return user, a.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := tx.AddUser(ctx, user); err != nil || in.Role == coupon.UserRole {
			return err
		}
		return audit(ctx, tx, commandLine, coupon.UserCreate, user.ID, nil, auditedUser(user))
	})
}

func (a *Accounts) newUser(ctx context.Context, in Account) (coupon.User, error) {
	email, err := coupon.CheckAccount(in.Email, in.Name, in.Password)
	if err != nil {
		return coupon.User{}, err
	}
	hash, err := a.hash(ctx, "/password", in.Password, email, in.Name)
	return coupon.User{
		ID: uuid.Must(uuid.NewV7()), Role: in.Role, Name: in.Name, Email: &email, PasswordHash: &hash, CreatedAt: time.Now(),
	}, err
}

// hash is that of a password that will do for somebody known as that.
func (a *Accounts) hash(ctx context.Context, pointer, password string, known ...string) (string, error) {
	if err := coupon.CheckPassword(pointer, password); err != nil {
		return "", err
	}
	if auth.Guessable(password, known...) {
		return "", coupon.InvalidInput(coupon.Field{
			Pointer: pointer, Detail: "is among the passwords that are tried first: use another, like some words that nobody else would put together",
		})
	}
	return a.passwords.Hash(ctx, password)
}

// Me returns the caller's own account.
func (a *Accounts) Me(ctx context.Context, p auth.Principal) (coupon.User, error) {
	return a.store.User(ctx, p.UserID)
}

// auditUser is what the audit log tells of a user: not his name or e-mail, which
// would outlive him there.
type auditUser struct {
	Role     coupon.Role
	Disabled bool
}

func auditedUser(u coupon.User) auditUser { return auditUser{u.Role, u.DisabledAt != nil} }
