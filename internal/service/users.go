package service

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Accounts has the use cases of people and their servers: who they are.
type Accounts struct {
	store     *postgres.Store
	passwords *auth.Passwords
	tokens    *auth.Tokens
	keys      *keyCache
}

// NewAccounts makes accounts.
func NewAccounts(store *postgres.Store, passwords *auth.Passwords, tokens *auth.Tokens) *Accounts {
	return &Accounts{store, passwords, tokens, newKeyCache()}
}

// Account is what someone registers with.
type Account struct {
	Email, Name, Password string
	Role                  coupon.Role
}

// Register makes an account.
func (a *Accounts) Register(ctx context.Context, in Account) (coupon.User, error) {
	email, err := coupon.CheckAccount(in.Email, in.Name, in.Password)
	if err != nil {
		return coupon.User{}, err
	}
	hash, err := a.passwords.Hash(ctx, in.Password)
	if err != nil {
		return coupon.User{}, err
	}
	user := coupon.User{
		ID: uuid.Must(uuid.NewV7()), Role: in.Role, Name: in.Name, Email: &email, PasswordHash: &hash, CreatedAt: time.Now(),
	}
	return user, a.store.AddUser(ctx, user)
}

// SignIn checks e-mail and password and issues an access token. Its answer and
// its time are the same for an unknown e-mail and a wrong password.
func (a *Accounts) SignIn(ctx context.Context, email, password string) (coupon.User, auth.Token, error) {
	folded, _ := coupon.FoldEmail(email)
	user, err := a.store.UserByEmail(ctx, folded)
	if err != nil && !errors.Is(err, coupon.ErrUserNotFound) {
		return user, auth.Token{}, err
	}
	matches, err := a.passwords.Matches(ctx, password, user.PasswordHash)
	if err != nil {
		return user, auth.Token{}, err
	}
	if !matches || user.DisabledAt != nil {
		return coupon.User{}, auth.Token{}, coupon.ErrWrongCredentials
	}
	token, err := a.tokens.Issue(user, time.Now())
	return user, token, err
}

// Me returns the caller's own account.
func (a *Accounts) Me(ctx context.Context, p auth.Principal) (coupon.User, error) {
	return a.store.User(ctx, p.UserID)
}
