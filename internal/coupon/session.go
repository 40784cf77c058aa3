package coupon

import (
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// Session is what somebody has from signing in until he signs out.
type Session struct {
	ID        uuid.UUID
	UserID    uuid.UUID
	CreatedAt time.Time
	UsedAt    time.Time // when it was carried on last
	ExpiresAt time.Time // however much it is used
	Address   *netip.Addr
	UserAgent string
}

// mostUserAgent is how many characters of a user agent are kept.
const mostUserAgent = 300

// NewSession is one that a user begins from somewhere.
func NewSession(userID uuid.UUID, address *netip.Addr, userAgent string) Session {
	return Session{ID: uuid.Must(uuid.NewV7()), UserID: userID, Address: address, UserAgent: cut(userAgent, mostUserAgent)}
}

// SessionEnd says why a session ended.
type SessionEnd string

// Why sessions end before their time.
const (
	SignedOut       SessionEnd = "signed_out"
	EndedByUser     SessionEnd = "ended_by_user"
	EndedByAdmin    SessionEnd = "ended_by_admin"
	PasswordChanged SessionEnd = "password_changed"
	AccountChanged  SessionEnd = "account_changed" // another role, disabled or erased
	RefreshReused   SessionEnd = "refresh_reused"
)

// ResetOpen is how long a link to set a new password works.
const ResetOpen = time.Hour

// Errors of sessions and passwords.
var (
	ErrSessionEnded    = declare(Unauthenticated, "session_ended", "The session has ended: sign in again.")
	ErrSessionNotFound = declare(NotFound, "session_not_found", "There is no such session of yours: check the id.")
	ErrWrongPassword   = declare(Forbidden, "wrong_password", "The present password is wrong: check it, or ask an admin for a link to set a new one.")
	ErrResetNotFound   = declare(Gone, "reset_link_used", "The link was used, is too old or not whole: ask an admin for another.")
)
