package coupon_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"couponbook/internal/coupon"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 248) + "@b.org"
	for name, c := range map[string]struct {
		email, name, password string
		wrong                 []string
	}{
		"plain":             {"ann@shop.example", "Ann", "a good password", nil},
		"no name":           {"ann@shop.example", "", "a good password", nil},
		"shortest password": {"ann@shop.example", "Ann", strings.Repeat("p", 10), nil},
		"short password":    {"ann@shop.example", "Ann", strings.Repeat("p", 9), []string{"/password"}},
		"longest password":  {"ann@shop.example", "Ann", strings.Repeat("p", 200), nil},
		"long password":     {"ann@shop.example", "Ann", strings.Repeat("p", 201), []string{"/password"}},
		"longest name":      {"ann@shop.example", strings.Repeat("n", 200), "a good password", nil},
		"long name":         {"ann@shop.example", strings.Repeat("n", 201), "a good password", []string{"/name"}},
		"longest e-mail":    {longest, "Ann", "a good password", nil},
		"long e-mail":       {"a" + longest, "Ann", "a good password", []string{"/email"}},
		"no e-mail":         {"", "Ann", "a good password", []string{"/email"}},
		"all of it":         {"ann", strings.Repeat("n", 201), "", []string{"/email", "/name", "/password"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folded, err := coupon.CheckAccount(c.email, c.name, c.password)
			require.Equal(t, c.wrong, pointers(t, err))
			if err == nil {
				require.Equal(t, c.email, folded)
			}
		})
	}
}

// An e-mail address is compared in lower case without spaces around it; what
// only contains an address is none.
func TestEmails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want string }{
		{" Ann@Shop.Example \n", "ann@shop.example"},
		{"a+b.c@d-e.example", "a+b.c@d-e.example"},
		{"ÄNN@shop.example", "änn@shop.example"},
	} {
		folded, ok := coupon.FoldEmail(c.given)
		require.True(t, ok, c.given)
		require.Equal(t, c.want, folded)
	}
	for _, given := range []string{
		"", " ", "ann", "ann@", "@shop.example", "Ann <ann@shop.example>", "<ann@shop.example>", "ann@shop.example, bob@shop.example",
		"ann@shop.example (work)", "ann shop@example", "ann\x00@shop.example", `"ann"@shop.example`, "ann@shop\n.example",
	} {
		_, ok := coupon.FoldEmail(given)
		require.False(t, ok, given)
	}
}

// Folding twice is folding once, and case does not matter.
func TestFoldEmailIsAForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.StringMatching(` ?[A-Za-z0-9+_-]{1,20}@[A-Za-z0-9-]{1,20}\.[a-z]{2,5} ?`).Draw(t, "e-mail")
		folded, ok := coupon.FoldEmail(given)
		again, stillOK := coupon.FoldEmail(folded)
		require.Equal(t, folded, again)
		require.Equal(t, ok, stillOK)
		upper, _ := coupon.FoldEmail(strings.ToUpper(given))
		require.Equal(t, folded, upper)
	})
}

// A user is named in exactly one way.
func TestUserReferences(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	for name, c := range map[string]struct {
		id                *uuid.UUID
		email, externalID string
		want              coupon.UserRef
		wrong             []string
	}{
		"by id":                 {&id, "", "", coupon.UserRef{ID: &id}, nil},
		"by e-mail":             {nil, " Ann@Shop.Example", "", coupon.UserRef{Email: "ann@shop.example"}, nil},
		"by external id":        {nil, "", " customer 7 ", coupon.UserRef{ExternalID: "customer 7"}, nil},
		"longest external id":   {nil, "", strings.Repeat("x", 200), coupon.UserRef{ExternalID: strings.Repeat("x", 200)}, nil},
		"in no way":             {nil, "", "", coupon.UserRef{}, []string{"/user"}},
		"in two ways":           {&id, "ann@shop.example", "", coupon.UserRef{}, []string{"/user"}},
		"in three ways":         {&id, "ann@shop.example", "7", coupon.UserRef{}, []string{"/user"}},
		"no e-mail":             {nil, "ann", "", coupon.UserRef{}, []string{"/user/email"}},
		"an e-mail of spaces":   {nil, "  ", "", coupon.UserRef{}, []string{"/user/email"}},
		"an external id of air": {nil, "", "  ", coupon.UserRef{}, []string{"/user/external_id"}},
		"long external id":      {nil, "", strings.Repeat("x", 201), coupon.UserRef{}, []string{"/user/external_id"}},
		"external id with NUL":  {nil, "", "a\x00b", coupon.UserRef{}, []string{"/user/external_id"}},
		"two ways, both of them wrong": {
			nil, "ann", " ",
			coupon.UserRef{},
			[]string{"/user/email", "/user/external_id", "/user"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := coupon.NewUserRef(c.id, c.email, c.externalID, "/user")
			require.Equal(t, c.wrong, pointers(t, err))
			if err == nil {
				require.Equal(t, c.want, ref)
			}
		})
	}
}
