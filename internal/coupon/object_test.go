package coupon_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// Objects are kept when Postgres can keep them, and else refused with a reason.
func TestObjects(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return `{"x":"` + strings.Repeat("x", n-8) + `"}` }
	for text, why := range map[string]string{
		`{}`: "",
		`{"a": [1, {"b": null}], "c": 12345678901234567890}`: "",
		long(coupon.MaxObject):                               "",
		long(coupon.MaxObject + 1):                           "at most 8192 bytes",
		`[]`:                                                 "an object",
		`null`:                                               "an object",
		`{"a"`:                                               "must be JSON",
		`{"a": "\u0000"}`:                                    "NUL",
		`{"\u0000": 1}`:                                      "NUL",
		`{"a": [{"b": "\ud800"}]}`:                           "surrogate",
		`{"a": 1e999999}`:                                    "1e308",
	} {
		err := coupon.CheckObject("/metadata", json.RawMessage(text))
		if why == "" {
			require.NoError(t, err, text)
			continue
		}
		var refusal *coupon.Error
		require.ErrorAs(t, err, &refusal, text)
		require.Contains(t, refusal.Fields[0].Detail, why)
	}
	require.NoError(t, coupon.CheckObject("/metadata", nil))
}
