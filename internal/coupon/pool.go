package coupon

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxMembersAdded is how many members one request can name; a file can name more.
const MaxMembersAdded = 10_000

// Pool is a named set of users.
type Pool struct {
	ID          uuid.UUID
	OwnerID     uuid.UUID
	Name        string
	Description string
	Members     int
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// PoolSettings is what the owner of a pool decides.
type PoolSettings struct{ Name, Description string }

// With returns the pool under other settings, or tells all their faults.
func (p Pool) With(s PoolSettings) (Pool, error) {
	var wrong faults
	p.Name, p.Description = strings.TrimSpace(s.Name), s.Description
	wrong.text("/name", p.Name, 1, 200)
	wrong.text("/description", p.Description, 0, 5000)
	return p, wrong.err()
}

// Member is a user as a member of a pool.
type Member struct {
	UserID     uuid.UUID
	Email      *string
	ExternalID *string
	Name       string
	DisabledAt *time.Time // he gets nothing while he is
	AddedAt    time.Time
}

// MemberFilter narrows a list of members; empty fields do not.
type MemberFilter struct {
	Prefix string     // of the e-mail or the external id
	After  *uuid.UUID // the last one of the page before
}

// MemberRow is one user that a file names, or why that is refused.
type MemberRow struct {
	Line   int // where it begins in the file, from 1
	User   UserRef
	Name   string        // for an account that is made
	Text   string        // how the file names him, cut to what can be shown
	Reason OutcomeReason // empty: fine so far
	Detail string
}

// NewMemberRow reads a row, or says what is wrong with it first.
func NewMemberRow(line int, user, name string) MemberRow {
	user, name = strings.TrimSpace(user), strings.TrimSpace(name)
	row := MemberRow{Line: line, Text: shown(user), Name: name}
	if user == "" {
		return row.Refused(RowMissingUser, "names nobody")
	}
	ref, err := readUserRef(user)
	if err != nil {
		return row.Refused(RowBadUser, "must be a user's id, an e-mail or an external id of at most 200 characters")
	}
	var wrong faults
	if wrong.text("", name, 0, 200); len(wrong) > 0 {
		return row.Refused(RowBadName, "the name "+wrong[0].Detail)
	}
	row.User = ref
	return row
}

// Refused is the row with a reason.
func (r MemberRow) Refused(reason OutcomeReason, detail string) MemberRow {
	return MemberRow{Line: r.Line, Text: r.Text, Reason: reason, Detail: detail}
}
