package coupon

import (
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Role is what a person may do.
type Role string

// The roles.
const (
	Admin     Role = "admin"   // everything
	Manager   Role = "manager" // his own books
	UserRole  Role = "user"    // his own coupons
	minSecret      = 10        // characters of a password
	maxSecret      = 200
)

// User is a person or what another system calls one.
type User struct {
	ID           uuid.UUID
	Role         Role
	Name         string
	Email        *string // lower case
	ExternalID   *string // what the customer's own system calls him
	PasswordHash *string
	DisabledAt   *time.Time
	CreatedAt    time.Time
}

// CheckAccount tells all faults of an account's e-mail, name and password. It
// returns the e-mail in the form it is compared in.
func CheckAccount(email, name, password string) (string, error) {
	var wrong faults
	folded, ok := FoldEmail(email)
	if !ok {
		wrong.add("/email", "must be an e-mail address")
	}
	wrong.text("/name", name, 0, 200)
	wrong.text("/password", password, minSecret, maxSecret)
	return folded, wrong.err()
}

// FoldEmail returns the form in which e-mails are compared, and whether it is one.
func FoldEmail(email string) (string, bool) {
	email = strings.ToLower(strings.TrimSpace(email))
	address, err := mail.ParseAddress(email)
	return email, err == nil && address.Address == email && len(email) <= 254 && !strings.ContainsRune(email, 0)
}

// UserRef names a user in one of three ways; exactly one is set.
type UserRef struct {
	ID         *uuid.UUID
	Email      string // folded
	ExternalID string
}

// NewUserRef checks a reference as it came in at pointer.
func NewUserRef(id *uuid.UUID, email, externalID, pointer string) (UserRef, error) {
	var wrong faults
	ref := UserRef{ID: id, ExternalID: strings.TrimSpace(externalID)}
	given := 0
	if id != nil {
		given++
	}
	if email != "" {
		given++
		folded, ok := FoldEmail(email)
		if !ok {
			wrong.add(pointer+"/email", "must be an e-mail address")
		}
		ref.Email = folded
	}
	if externalID != "" {
		given++
		wrong.text(pointer+"/external_id", ref.ExternalID, 1, 200)
	}
	if given != 1 {
		wrong.add(pointer, "name the user in one way: user_id, user.email or user.external_id")
	}
	return ref, wrong.err()
}
