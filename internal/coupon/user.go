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
	Admin    Role = "admin"   // everything
	Manager  Role = "manager" // his own books
	UserRole Role = "user"    // his own coupons
)

// Characters of a password.
const (
	minPassword = 10
	maxPassword = 200
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
	ErasedAt     *time.Time
	CreatedAt    time.Time
	SecondFactor
}

// UserChange is what an admin changes about a user; nil stays.
type UserChange struct {
	Name     *string
	Email    *string
	Role     *Role
	Disabled *bool
}

// UserFilter narrows the list of users.
type UserFilter struct {
	Before   *uuid.UUID // goes on below this id
	Prefix   string     // how the e-mail or external id begins
	Email    string     // folded; empty: any
	Role     *Role
	Disabled *bool
}

// NewUser is somebody whom an admin makes an account for. Whoever is to sign in
// needs an e-mail; customers can be known by an external id alone.
func NewUser(email, name, externalID string, role Role, now time.Time) (User, error) {
	var wrong faults
	user := User{ID: uuid.Must(uuid.NewV7()), Role: role, Name: name, CreatedAt: now}
	wrong.text("/name", name, 0, 200)
	if email != "" || externalID == "" {
		folded, ok := FoldEmail(email)
		if !ok {
			wrong.add("/email", "must be an e-mail address")
		}
		user.Email = &folded
	}
	if externalID = strings.TrimSpace(externalID); externalID != "" {
		wrong.text("/external_id", externalID, 1, 200)
		user.ExternalID = &externalID
	}
	return user, wrong.err()
}

// CanSignIn tells whether a password would be of use to a user.
func (u User) CanSignIn() error {
	switch {
	case u.ErasedAt != nil:
		return ErrUserErased
	case u.DisabledAt != nil:
		return ErrNoSignIn.With("The user is disabled: enable him first.")
	case u.Email == nil:
		return ErrNoSignIn
	}
	return nil
}

// With is the user as an admin other than himself changes him.
func (u User) With(change UserChange, now time.Time) (User, error) {
	var wrong faults
	if u.ErasedAt != nil {
		return u, ErrUserErased
	}
	if change.Name != nil {
		u.Name = *change.Name
		wrong.text("/name", u.Name, 0, 200)
	}
	if change.Email != nil {
		folded, ok := FoldEmail(*change.Email)
		if !ok {
			wrong.add("/email", "must be an e-mail address")
		}
		u.Email = &folded
	}
	if change.Role != nil {
		u.Role = *change.Role
	}
	if change.Disabled != nil && *change.Disabled != (u.DisabledAt != nil) {
		u.DisabledAt = nil
		if *change.Disabled {
			u.DisabledAt = &now
		}
	}
	return u, wrong.err()
}

// Erased is what is left of a user: an id, for what he did and had.
func (u User) Erased(now time.Time) User {
	if u.DisabledAt == nil {
		u.DisabledAt = &now
	}
	u.Name, u.Email, u.ExternalID, u.PasswordHash, u.ErasedAt = "", nil, nil, nil, &now
	return u.WithoutFactor()
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
	wrong.text("/password", password, minPassword, maxPassword)
	return folded, wrong.err()
}

// CheckPassword tells whether a password has a length that will do.
func CheckPassword(pointer, password string) error {
	var wrong faults
	wrong.text(pointer, password, minPassword, maxPassword)
	return wrong.err()
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
