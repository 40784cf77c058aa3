package service

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

// BeginSecondFactor makes the secret for the caller's authenticator app, as text
// and as the URL in a QR code. It is not asked for until it is confirmed.
func (a *Accounts) BeginSecondFactor(ctx context.Context, p auth.Principal, password string) (secret, url string, err error) {
	err = a.withPassword(ctx, p, password, func(_ *postgres.Store, user coupon.User) (begun coupon.User, err error) {
		if secret, url, err = auth.NewTOTP(emailOf(user)); err != nil {
			return user, err
		}
		return user.Begun(secret)
	})
	return secret, url, err
}

// ConfirmSecondFactor has the caller asked for a code of his app from now on, and
// returns his recovery codes, this once. His other sessions end: they began
// without.
func (a *Accounts) ConfirmSecondFactor(ctx context.Context, p auth.Principal, code string) (recovery []string, err error) {
	codes, digests := auth.NewRecoveryCodes()
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		user, err := tx.UserForUpdate(ctx, p.UserID)
		if err != nil {
			return err
		}
		step, right := int64(0), false
		if user.FactorSecret != nil {
			step, right = auth.TOTPStep(*user.FactorSecret, code, time.Now())
		}
		after, err := user.Confirmed(step, digests, time.Now())
		switch {
		case err != nil:
			return err
		case !right:
			return coupon.ErrWrongSecondFactor
		}
		if err = tx.SaveUser(ctx, after); err != nil {
			return err
		}
		if _, err = tx.EndSessions(ctx, p.UserID, p.SessionID, coupon.AccountChanged); err != nil {
			return err
		}
		return audit(ctx, tx, p, coupon.FactorAdd, p.UserID, nil, nil)
	})
	a.look(ctx)
	return codes, err
}

// RemoveSecondFactor leaves the caller with a password alone. It takes both.
func (a *Accounts) RemoveSecondFactor(ctx context.Context, p auth.Principal, password, code string) error {
	return a.withPassword(ctx, p, password, func(tx *postgres.Store, user coupon.User) (coupon.User, error) {
		if !user.HasFactor() {
			return user, coupon.ErrSecondFactorOff
		}
		user, err := used(user, code)
		if err != nil {
			return user, err
		}
		return user.WithoutFactor(), audit(ctx, tx, p, coupon.FactorRemove, user.ID, nil, nil)
	})
}

// RemoveUserSecondFactor is for a user who has lost his app and his recovery
// codes. His sessions end.
func (a *Accounts) RemoveUserSecondFactor(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	if id == p.UserID { // whoever has stolen an admin's session does not get further
		return coupon.ErrOwnAccount
	}
	_, err := a.changeUser(ctx, p, id, coupon.FactorRemove, func(tx *postgres.Store, user coupon.User) (coupon.User, error) {
		if !user.HasFactor() {
			return user, coupon.ErrSecondFactorOff
		}
		_, err := tx.EndSessions(ctx, id, nil, coupon.EndedByAdmin)
		return user.WithoutFactor(), err
	})
	return err
}

// withPassword changes the caller, if the password is his.
func (a *Accounts) withPassword(ctx context.Context, p auth.Principal, password string, change func(*postgres.Store, coupon.User) (coupon.User, error)) error {
	if _, err := a.knows(ctx, p, password); err != nil {
		return err
	}
	return a.store.InTx(ctx, func(tx *postgres.Store) error {
		user, err := tx.UserForUpdate(ctx, p.UserID)
		if err != nil {
			return err
		}
		if user, err = change(tx, user); err != nil {
			return err
		}
		return tx.SaveUser(ctx, user)
	})
}

// useCode uses a code of the user up, in the transaction that it is good for. The
// user is read again and held: a factor that was turned on while the password was
// compared is asked for, too.
func useCode(ctx context.Context, tx *postgres.Store, id uuid.UUID, code string) (coupon.User, error) {
	user, err := tx.UserForUpdate(ctx, id)
	switch {
	case err != nil || !user.HasFactor():
		return user, err
	case code == "":
		return user, coupon.ErrSecondFactorRequired
	}
	if user, err = used(user, code); err != nil {
		return user, err
	}
	return user, tx.SaveUser(ctx, user)
}

// used is a user who has used a code of his app, or a recovery code, up.
func used(user coupon.User, code string) (coupon.User, error) {
	if step, right := auth.TOTPStep(*user.FactorSecret, code, time.Now()); right {
		return user.Stepped(step)
	}
	return user.Recovered(auth.RecoveryDigest(code))
}
