package service

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
	"couponbook/internal/postgres"
)

const (
	refreshMark = "cbr_" // starts every refresh token
	resetMark   = "cbp_" // starts every token to set a new password
)

// SignedIn is what somebody gets who signs in or carries his session on.
type SignedIn struct {
	User    coupon.User
	Token   auth.Token
	Refresh string    // works once
	Until   time.Time // the session ends, unless it is carried on
}

// SignIn checks e-mail and password, and the second factor's code where there is
// one, and begins a session. Its answer and its time are the same for an unknown
// e-mail and a wrong password.
func (a *Accounts) SignIn(ctx context.Context, email, password, code string) (SignedIn, error) {
	folded, valid := coupon.FoldEmail(email)
	if !valid {
		folded = "" // nobody's
	}
	user, err := a.store.UserByEmail(ctx, folded)
	if err != nil && !errors.Is(err, coupon.ErrUserNotFound) {
		return SignedIn{}, err
	}
	matches, err := a.passwords.Matches(ctx, password, user.PasswordHash)
	if err != nil {
		return SignedIn{}, err
	}
	if !matches || user.DisabledAt != nil {
		return SignedIn{}, coupon.ErrWrongCredentials
	}
	origin := originOf(ctx)
	session := coupon.NewSession(user.ID, origin.address(), origin.UserAgent)
	var in SignedIn
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		if user, err = useCode(ctx, tx, user.ID, code); err != nil {
			return err
		}
		if err := tx.AddSession(ctx, session, a.times.Most); err != nil {
			return err
		}
		if in, err = a.carry(ctx, tx, user, session.ID); err != nil {
			return err
		}
		return audit(ctx, tx, auth.Principal{UserID: user.ID, Role: user.Role}, coupon.SignIn, user.ID, nil, nil)
	})
	return in, err
}

// carry gives a session its next tokens.
func (a *Accounts) carry(ctx context.Context, tx *postgres.Store, user coupon.User, session uuid.UUID) (SignedIn, error) {
	now := time.Now()
	refresh, digest := auth.NewSecret(refreshMark)
	if err := tx.AddRefreshToken(ctx, session, digest); err != nil {
		return SignedIn{}, err
	}
	token, err := a.tokens.Issue(user, session, now)
	return SignedIn{user, token, refresh, now.Add(a.times.Idle)}, err
}

// Refresh carries a session on: the token works this once. One that comes again
// has been stolen, so that its whole session ends. Who is signed in already, as
// anybody else, cannot use it.
func (a *Accounts) Refresh(ctx context.Context, p *auth.Principal, refresh string) (in SignedIn, err error) {
	reused := false
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		session, again, err := tx.UseRefreshToken(ctx, auth.Digest(refresh))
		if err != nil {
			return err
		}
		if reused = again; reused {
			return a.endStolen(ctx, tx, session)
		}
		user, err := tx.CarryOn(ctx, session, a.times.Idle)
		if err == nil && p != nil && p.UserID != user.ID {
			err = coupon.ErrSessionEnded
		}
		if err == nil {
			in, err = a.carry(ctx, tx, user, session)
		}
		return err
	})
	if err == nil && reused {
		a.look(ctx)
		err = coupon.ErrSessionEnded
	}
	return in, err
}

// endStolen ends the session of a token that came again, and tells of it.
func (a *Accounts) endStolen(ctx context.Context, tx *postgres.Store, id uuid.UUID) error {
	session, err := tx.EndSession(ctx, id, coupon.RefreshReused)
	if err != nil {
		return err
	}
	slog.WarnContext(ctx, "a refresh token came twice: its session is ended", "user_id", session.UserID, "session_id", id)
	data, err := json.Marshal(coupon.SecurityData{UserID: session.UserID, SessionID: &id})
	if err != nil {
		return err
	}
	return tx.AddEvent(ctx, postgres.Event{Type: coupon.RefreshTokenReused, UserID: &session.UserID, Data: data})
}

// look has this process know at once what the others know within a second. Within
// a transaction it waits for its end: a second connection could be one too many.
func (a *Accounts) look(ctx context.Context) {
	if a.later != nil {
		a.later.add(func(*Service) { a.lookNow(ctx) })
		return
	}
	a.lookNow(ctx)
}

func (a *Accounts) lookNow(ctx context.Context) {
	if err := a.ended.Look(ctx); err != nil {
		slog.WarnContext(ctx, "ended sessions not read", "error", err)
	}
}

// Live reports whether a person's session goes on.
func (a *Accounts) Live(p auth.Principal) bool {
	return p.SessionID == nil || !a.ended.Has(*p.SessionID)
}

// Sessions lists the caller's sessions, the one used last first.
func (a *Accounts) Sessions(ctx context.Context, p auth.Principal) ([]coupon.Session, error) {
	return a.store.Sessions(ctx, p.UserID, a.times.Idle)
}

// SignOut ends the session that the caller speaks in, or else the one that a
// refresh token would carry on.
func (a *Accounts) SignOut(ctx context.Context, p *auth.Principal, refresh string) error {
	err := a.store.InTx(ctx, func(tx *postgres.Store) error {
		if p != nil && p.SessionID != nil {
			_, err := tx.EndSession(ctx, *p.SessionID, coupon.SignedOut)
			return err
		}
		session, _, err := tx.UseRefreshToken(ctx, auth.Digest(refresh))
		if errors.Is(err, coupon.ErrSessionEnded) {
			return nil
		}
		if err == nil {
			_, err = tx.EndSession(ctx, session, coupon.SignedOut)
		}
		return err
	})
	a.look(ctx)
	return err
}

// EndSession ends one of the caller's sessions.
func (a *Accounts) EndSession(ctx context.Context, p auth.Principal, id uuid.UUID) error {
	ended, err := a.store.EndUserSession(ctx, p.UserID, id)
	if err == nil && !ended {
		err = coupon.ErrSessionNotFound
	}
	a.look(ctx)
	return err
}

// EndOtherSessions ends all of the caller's sessions but this one.
func (a *Accounts) EndOtherSessions(ctx context.Context, p auth.Principal) error {
	_, err := a.store.EndSessions(ctx, p.UserID, p.SessionID, coupon.EndedByUser)
	a.look(ctx)
	return err
}

// Rename gives the caller another name.
func (a *Accounts) Rename(ctx context.Context, p auth.Principal, name string) (user coupon.User, err error) {
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		if user, err = tx.UserForUpdate(ctx, p.UserID); err != nil {
			return err
		}
		if user, err = user.With(coupon.UserChange{Name: &name}, time.Now()); err != nil {
			return err
		}
		return tx.SaveUser(ctx, user)
	})
	return user, err
}

// ChangePassword sets the caller's password, and ends all his other sessions.
func (a *Accounts) ChangePassword(ctx context.Context, p auth.Principal, present, next string) error {
	user, err := a.knows(ctx, p, present)
	if err != nil {
		return err
	}
	hash, err := a.hash(ctx, "/new_password", next, emailOf(user), user.Name)
	if err != nil {
		return err
	}
	err = a.store.InTx(ctx, func(tx *postgres.Store) error { return setPassword(ctx, tx, user, hash, p.SessionID) })
	a.look(ctx)
	return err
}

// knows returns the caller, if the password is his, or ErrWrongPassword.
func (a *Accounts) knows(ctx context.Context, p auth.Principal, password string) (coupon.User, error) {
	user, err := a.store.User(ctx, p.UserID)
	if err != nil {
		return user, err
	}
	matches, err := a.passwords.Matches(ctx, password, user.PasswordHash)
	if err == nil && !matches {
		err = coupon.ErrWrongPassword
	}
	return user, err
}

// ResetPassword sets the password of whom a link was made for, and ends all his
// sessions. The link works once.
func (a *Accounts) ResetPassword(ctx context.Context, token, password string) error {
	digest := auth.Digest(token)
	user, err := a.store.ResetUser(ctx, digest)
	if err != nil {
		return err
	}
	hash, err := a.hash(ctx, "/password", password, emailOf(user), user.Name)
	if err != nil {
		return err
	}
	err = a.store.InTx(ctx, func(tx *postgres.Store) error {
		if err := tx.TakeReset(ctx, digest); err != nil { // somebody was faster
			return err
		}
		return setPassword(ctx, tx, user, hash, nil)
	})
	a.look(ctx)
	return err
}

func setPassword(ctx context.Context, tx *postgres.Store, user coupon.User, hash string, except *uuid.UUID) error {
	now, err := tx.UserForUpdate(ctx, user.ID)
	if err != nil {
		return err
	}
	now.PasswordHash = &hash
	if err = tx.SaveUser(ctx, now); err != nil {
		return err
	}
	if _, err = tx.EndSessions(ctx, user.ID, except, coupon.PasswordChanged); err != nil {
		return err
	}
	return audit(ctx, tx, auth.Principal{UserID: user.ID, Role: user.Role}, coupon.PasswordChange, user.ID, nil, nil)
}

func emailOf(user coupon.User) string {
	if user.Email == nil {
		return ""
	}
	return *user.Email
}
