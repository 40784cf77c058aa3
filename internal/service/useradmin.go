package service

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// Users lists users, newest first.
func (a *Accounts) Users(ctx context.Context, f coupon.UserFilter, limit int) ([]coupon.User, error) {
	return a.store.Users(ctx, f, limit)
}

// User returns a user.
func (a *Accounts) User(ctx context.Context, id uuid.UUID) (coupon.User, error) {
	return a.store.User(ctx, id)
}

// NewUser is a person whom an admin makes an account for. Without a password he
// sets one by a link.
type NewUser struct {
	Account
	ExternalID string
}

// CreateUser makes an account of any role.
func (a *Accounts) CreateUser(ctx context.Context, p auth.Principal, in NewUser) (coupon.User, error) {
	user, err := coupon.NewUser(in.Email, in.Name, in.ExternalID, in.Role, time.Now())
	if err == nil && in.Password != "" {
		var hash string
		hash, err = a.hash(ctx, "/password", in.Password, in.Email, in.Name)
		user.PasswordHash = &hash
	}
	if err != nil {
		return user, err
	}
	return user, a.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := tx.AddUser(ctx, user); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.UserCreate, user.ID, nil, auditedUser(user))
	})
}

// EditUser changes a user. Another role, or being disabled, ends his sessions.
func (a *Accounts) EditUser(ctx context.Context, p auth.Principal, id uuid.UUID, change coupon.UserChange) (coupon.User, error) {
	return a.changeUser(ctx, p, id, coupon.UserEdit, func(_ *postgres.Store, user coupon.User) (coupon.User, error) {
		return user.With(change, time.Now())
	})
}

// EraseUser forgets who a user is. What he held and did stays, under an id that
// names nobody.
func (a *Accounts) EraseUser(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	_, err := a.changeUser(ctx, p, id, coupon.UserErase, func(tx *postgres.Store, user coupon.User) (coupon.User, error) {
		if user.ErasedAt != nil {
			return user, nil
		}
		if err := tx.RevokeAPIKeys(ctx, id); err != nil {
			return user, err
		}
		return user.Erased(time.Now()), tx.ForgetUser(ctx, id)
	})
	a.forgetKeys()
	return err
}

// changeUser lets an admin change a user, but not his own rights.
func (a *Accounts) changeUser(ctx context.Context, p auth.Principal, id uuid.UUID, action coupon.Action,
	change func(*postgres.Store, coupon.User) (coupon.User, error),
) (changed coupon.User, err error) {
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		admins, err := tx.HoldAdmins(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(admins, p.UserID) { // another admin was faster
			return coupon.ErrForbidden
		}
		user, err := tx.UserForUpdate(ctx, id)
		if err != nil {
			return err
		}
		if changed, err = change(tx, user); err != nil {
			return err
		}
		before, after := auditedUser(user), auditedUser(changed)
		if before != after || changed.ErasedAt != nil {
			if id == p.UserID { // so that there is always an admin left: who does it
				return coupon.ErrOwnAccount
			}
			if _, err = tx.EndSessions(ctx, id, nil, coupon.AccountChanged); err != nil {
				return err
			}
		}
		if err = tx.SaveUser(ctx, changed); err != nil {
			return err
		}
		return audit(ctx, tx, p, action, id, before, after)
	})
	a.look(ctx)
	return changed, err
}

// EndUserSessions signs a user out everywhere.
func (a *Accounts) EndUserSessions(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	err := a.store.InTx(ctx, func(tx *postgres.Store) error {
		if _, err := tx.User(ctx, id); err != nil {
			return err
		}
		if _, err := tx.EndSessions(ctx, id, nil, coupon.EndedByAdmin); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.UserSignOut, id, nil, nil)
	})
	a.look(ctx)
	return err
}

// ResetLink makes a token with which a user sets a new password, once, within
// ResetOpen. An earlier one does not work any more.
func (a *Accounts) ResetLink(ctx context.Context, p auth.Principal, id uuid.UUID) (token string, expires time.Time, err error) {
	token, digest := auth.NewSecret(resetMark)
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		user, err := tx.UserForUpdate(ctx, id)
		if err != nil {
			return err
		}
		if err = user.CanSignIn(); err != nil {
			return err
		}
		if expires, err = tx.AddReset(ctx, id, digest, coupon.ResetOpen); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.UserReset, id, nil, nil)
	})
	return token, expires, err
}
