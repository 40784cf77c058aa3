package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type registerRequest struct {
	Body struct {
		Email    string `json:"email" example:"ann@example.com"`
		Password string `json:"password" doc:"10 to 200 characters, and none of the common ones"`
		Name     string `json:"name,omitempty"`
	}
}

type userBody struct {
	ID         uuid.UUID   `json:"id"`
	Email      *string     `json:"email"`
	ExternalID *string     `json:"external_id" doc:"what your own system calls the user"`
	Name       string      `json:"name"`
	Role       coupon.Role `json:"role" enum:"admin,manager,user"`
	DisabledAt *time.Time  `json:"disabled_at" doc:"may not sign in since"`
	ErasedAt   *time.Time  `json:"erased_at" doc:"nothing is known of the user since, but for this id"`
	CreatedAt  time.Time   `json:"created_at"`
	Factor     *time.Time  `json:"second_factor_since" doc:"signs in with a code of an authenticator app, too, since"`
}

func newUserBody(u coupon.User) userBody {
	return userBody{u.ID, u.Email, u.ExternalID, u.Name, u.Role, u.DisabledAt, u.ErasedAt, u.CreatedAt, u.FactorSince}
}

type userResponse struct{ Body userBody }

func answerUser(user coupon.User, err error) (*userResponse, error) {
	if err != nil {
		return nil, err
	}
	return &userResponse{newUserBody(user)}, nil
}

// register makes an account with the role user; an admin gives others.
func (a *API) register(ctx context.Context, in *registerRequest) (*userResponse, error) {
	if err := a.ask(ctx, a.Rates.RegistrationRule(), requestOf(ctx).network); err != nil {
		return nil, err
	}
	return answerUser(a.Accounts.Register(ctx, service.Account{
		Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password, Role: coupon.UserRole,
	}))
}

// me returns the caller's own account.
func (a *API) me(ctx context.Context, _ *struct{}) (*userResponse, error) {
	return answerUser(a.Accounts.Me(ctx, principalOf(ctx)))
}

type editMeRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"200"`
	}
}

// editMe changes what a user may change of himself.
func (a *API) editMe(ctx context.Context, in *editMeRequest) (*userResponse, error) {
	return answerUser(a.Accounts.Rename(ctx, principalOf(ctx), in.Body.Name))
}

type changePasswordRequest struct {
	Body struct {
		Password    string `json:"password" maxLength:"1000" doc:"the present one"`
		NewPassword string `json:"new_password" doc:"10 to 200 characters, and none of the common ones"`
	}
}

// changePassword ends all the caller's other sessions. Tries count like tries to
// sign in.
func (a *API) changePassword(ctx context.Context, in *changePasswordRequest) (*struct{}, error) {
	if err := a.maySend(ctx); err != nil {
		return nil, err
	}
	return nil, a.Accounts.ChangePassword(ctx, principalOf(ctx), in.Body.Password, in.Body.NewPassword)
}

type resetPasswordRequest struct {
	Body struct {
		Token    string `json:"token" maxLength:"100" doc:"from the link"`
		Password string `json:"password" doc:"10 to 200 characters, and none of the common ones"`
	}
}

// resetPassword sets a new password by a link that an admin made, and ends all of
// its user's sessions.
func (a *API) resetPassword(ctx context.Context, in *resetPasswordRequest) (*struct{}, error) {
	if err := a.ask(ctx, a.Rates.SignInFromRule(), requestOf(ctx).network); err != nil {
		return nil, err
	}
	return nil, a.Accounts.ResetPassword(ctx, in.Body.Token, in.Body.Password)
}
