package httpapi

import (
	"encoding/base64"

	"github.com/google/uuid"

	"couponbook/internal/auth"
	"couponbook/internal/coupon"
)

// Links signs links that need no account: whoever has one may follow it.
type Links struct{ signer auth.Signer }

// NewLinks signs with 256 bits.
func NewLinks(keys auth.Keyring) Links { return Links{keys.Signer("link", 32)} }

// write makes the token of an export.
func (l Links) write(export uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append(export[:], l.signer.Sign(export[:])...))
}

// read returns the export of a token, or fails with ErrExportNotFound.
func (l Links) read(token string) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 16+l.signer.Size() || !l.signer.Proves(raw[16:], raw[:16]) {
		return uuid.Nil, coupon.ErrExportNotFound
	}
	return uuid.UUID(raw[:16]), nil
}
