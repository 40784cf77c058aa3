package httpapi

import "context"

type beginFactorRequest struct {
	Body struct {
		Password string `json:"password" maxLength:"1000" doc:"the present one"`
	}
}

type beginFactorResponse struct {
	Body struct {
		Secret string `json:"secret" doc:"to type into an authenticator app (TOTP, six digits, 30 seconds). Shown this once"`
		URL    string `json:"url" doc:"the same for a QR code" example:"otpauth://totp/couponbook:ann@example.com?secret=…"`
	}
}

// beginSecondFactor makes a secret, which is asked for when it is confirmed.
func (a *API) beginSecondFactor(ctx context.Context, in *beginFactorRequest) (*beginFactorResponse, error) {
	if err := a.maySend(ctx); err != nil {
		return nil, err
	}
	out := &beginFactorResponse{}
	var err error
	out.Body.Secret, out.Body.URL, err = a.Accounts.BeginSecondFactor(ctx, principalOf(ctx), in.Body.Password)
	return out, err
}

type confirmFactorRequest struct {
	Body struct {
		Code string `json:"code" maxLength:"100" doc:"that the app shows"`
	}
}

type confirmFactorResponse struct {
	Body struct {
		RecoveryCodes []string `json:"recovery_codes" doc:"each works once in the place of the app's code. Shown this once"`
	}
}

// confirmSecondFactor turns it on and ends the caller's other sessions.
func (a *API) confirmSecondFactor(ctx context.Context, in *confirmFactorRequest) (*confirmFactorResponse, error) {
	if err := a.maySend(ctx); err != nil {
		return nil, err
	}
	out := &confirmFactorResponse{}
	var err error
	out.Body.RecoveryCodes, err = a.Accounts.ConfirmSecondFactor(ctx, principalOf(ctx), in.Body.Code)
	return out, err
}

type removeFactorRequest struct {
	Body struct {
		Password string `json:"password" maxLength:"1000" doc:"the present one"`
		Code     string `json:"code" maxLength:"100" doc:"of the app, or a recovery code"`
	}
}

// removeSecondFactor turns it off.
func (a *API) removeSecondFactor(ctx context.Context, in *removeFactorRequest) (*struct{}, error) {
	if err := a.maySend(ctx); err != nil {
		return nil, err
	}
	return nil, a.Accounts.RemoveSecondFactor(ctx, principalOf(ctx), in.Body.Password, in.Body.Code)
}

// removeUserSecondFactor is for a user who has lost his app and his recovery codes.
func (a *API) removeUserSecondFactor(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.Accounts.RemoveUserSecondFactor(ctx, principalOf(ctx), in.ID)
}
