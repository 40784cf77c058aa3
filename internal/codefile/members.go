package codefile

import (
	"io"

	"couponbook/internal/coupon"
)

// MemberColumns are the names that columns of a file of members can have.
var MemberColumns = []string{"user", "name"}

// NewMembers reads the beginning of a CSV file of members. A user is named by
// id, e-mail or external id; the name is for an account that is made.
func NewMembers(file io.Reader, o Options) (*CSV[coupon.MemberRow], error) {
	return newCSV(file, o, layout[coupon.MemberRow]{
		names: MemberColumns,
		others: map[string]string{
			"users": "user", "member": "user", "user_id": "user", "id": "user", "email": "user", "e-mail": "user", "mail": "user",
			"external_id": "user", "customer": "user", "customer_id": "user", "full_name": "name",
		},
		row: func(line int, c columns, cells []string) (coupon.MemberRow, error) {
			return coupon.NewMemberRow(line, c.get(cells, "user"), c.get(cells, "name")), nil
		},
		refused: func(line int, user, detail string) coupon.MemberRow {
			return coupon.NewMemberRow(line, user, "").Refused(coupon.RowMalformed, detail)
		},
	})
}
