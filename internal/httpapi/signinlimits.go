package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"couponbook/internal/coupon"
	"couponbook/internal/limit"
)

// maySignIn counts a try to sign in: for its account and address together, and
// more leniently for each of them. So nobody tries many passwords, and nobody
// locks somebody else out. After a try that was good, forget begins anew.
func (a *API) maySignIn(ctx context.Context, email string) (forget func(), err error) {
	email, _ = coupon.FoldEmail(email)
	digest := sha256.Sum256([]byte(email)) // no e-mails in Redis
	account, from := hex.EncodeToString(digest[:16]), requestOf(ctx).network
	if err = a.ask(ctx, a.Rates.SignInRule(), account+" "+from); err == nil {
		err = a.ask(ctx, a.Rates.SignInFromRule(), from)
	}
	if err == nil {
		err = a.ask(ctx, a.Rates.SignInToRule(), account)
	}
	return func() { a.Limits.Forget(ctx, a.Rates.SignInRule(), account+" "+from) }, err
}

// maySend counts a caller's try to tell his password or a code.
func (a *API) maySend(ctx context.Context) error {
	return a.ask(ctx, a.Rates.SignInRule(), principalOf(ctx).UserID.String())
}

// ask counts a try whose limit Redis keeps for all API processes.
func (a *API) ask(ctx context.Context, rule limit.Rule, who string) error {
	if verdict := a.Limits.Ask(ctx, rule, who); !verdict.OK {
		return coupon.ErrTooManySignIns.After(verdict.Wait)
	}
	return nil
}
