package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
	"couponbook/internal/service"
)

type listUsersRequest struct {
	Paging
	Email  string      `query:"email" maxLength:"254" doc:"exactly this one"`
	Prefix string      `query:"prefix" maxLength:"254" doc:"how the e-mail or external id begins"`
	Role   coupon.Role `query:"role" enum:"admin,manager,user"`
	Status string      `query:"status" enum:"enabled,disabled"`
}

type usersResponse struct{ Body page[userBody] }

// listUsers lists users, newest first.
func (a *API) listUsers(ctx context.Context, in *listUsersRequest) (*usersResponse, error) {
	var place idCursor
	if err := a.Cursors.read("users", in.Cursor, &place); err != nil {
		return nil, err
	}
	filter := coupon.UserFilter{Before: place.Before, Prefix: in.Prefix, Role: given(in.Role)}
	filter.Email, _ = coupon.FoldEmail(in.Email)
	if in.Status != "" {
		filter.Disabled = new(in.Status == "disabled")
	}
	users, err := a.Accounts.Users(ctx, filter, in.Limit+1)
	if err != nil {
		return nil, err
	}
	body, err := pageOf(a.Cursors, "users", users, in.Limit, newUserBody, func(u coupon.User) any { return idCursor{&u.ID} })
	return &usersResponse{body}, err
}

type createUserRequest struct {
	Body struct {
		Email      string      `json:"email,omitempty" doc:"whoever is to sign in needs one"`
		ExternalID string      `json:"external_id,omitempty" doc:"what your own system calls the user"`
		Name       string      `json:"name,omitempty"`
		Role       coupon.Role `json:"role,omitempty" enum:"admin,manager,user" default:"user"`
		Password   string      `json:"password,omitempty" doc:"left out: give the user a link to set one"`
	}
}

// createUser makes an account of any role.
func (a *API) createUser(ctx context.Context, in *createUserRequest) (*userResponse, error) {
	return answerUser(a.Accounts.CreateUser(ctx, principalOf(ctx), service.NewUser{
		Account:    service.Account{Email: in.Body.Email, Name: in.Body.Name, Password: in.Body.Password, Role: in.Body.Role},
		ExternalID: in.Body.ExternalID,
	}))
}

// getUser returns a user.
func (a *API) getUser(ctx context.Context, in *ByID) (*userResponse, error) {
	return answerUser(a.Accounts.User(ctx, in.ID))
}

type editUserRequest struct {
	ByID
	Body struct {
		Name     *string      `json:"name,omitempty"`
		Email    *string      `json:"email,omitempty"`
		Role     *coupon.Role `json:"role,omitempty" enum:"admin,manager,user" doc:"another one ends the user's sessions"`
		Disabled *bool        `json:"disabled,omitempty" doc:"true ends the user's sessions and stops his API keys"`
	}
}

// editUser changes a user, other than oneself.
func (a *API) editUser(ctx context.Context, in *editUserRequest) (*userResponse, error) {
	return answerUser(a.Accounts.EditUser(ctx, principalOf(ctx), in.ID, coupon.UserChange{
		Name: in.Body.Name, Email: in.Body.Email, Role: in.Body.Role, Disabled: in.Body.Disabled,
	}))
}

// eraseUser forgets who a user is; what he held and did stays.
func (a *API) eraseUser(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.EraseUser(ctx, principalOf(ctx), in.ID)
}

// endUserSessions signs a user out everywhere.
func (a *API) endUserSessions(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.EndUserSessions(ctx, principalOf(ctx), in.ID)
}

type resetLinkResponse struct {
	Body struct {
		UserID    uuid.UUID `json:"user_id"`
		Path      string    `json:"path,omitempty" doc:"of the page to set a new password: give it to the user behind this service's address. Shown this once"`
		ExpiresAt time.Time `json:"expires_at"`
	}
}

// WithoutSecret is what a repeated request is told.
func (r *resetLinkResponse) WithoutSecret() any {
	kept := *r
	kept.Body.Path = ""
	return &kept
}

// makeResetLink makes a link to set a new password, which works once. What comes
// after # is in no log of any server.
func (a *API) makeResetLink(ctx context.Context, in *ByID) (*resetLinkResponse, error) {
	token, expires, err := a.Accounts.ResetLink(ctx, principalOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	out := &resetLinkResponse{}
	out.Body.UserID, out.Body.Path, out.Body.ExpiresAt = in.ID, "/reset-password#"+token, expires
	return out, nil
}
