package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/google/uuid"

	"couponbook/internal/coupon"
)

// Links signs links that need no account: whoever has one may follow it.
type Links struct{ secret []byte }

// NewLinks signs with the process's secret.
func NewLinks(secret string) Links { return Links{[]byte("link:" + secret)} }

func (l Links) mac(id uuid.UUID) []byte {
	mac := hmac.New(sha256.New, l.secret)
	mac.Write(id[:])
	return mac.Sum(nil)
}

// write makes the token of an export.
func (l Links) write(export uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append(export[:], l.mac(export)...))
}

// read returns the export of a token, or fails with ErrExportNotFound.
func (l Links) read(token string) (uuid.UUID, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 16+sha256.Size {
		return uuid.Nil, coupon.ErrExportNotFound
	}
	id := uuid.UUID(raw[:16])
	if !hmac.Equal(raw[16:], l.mac(id)) {
		return uuid.Nil, coupon.ErrExportNotFound
	}
	return id, nil
}
