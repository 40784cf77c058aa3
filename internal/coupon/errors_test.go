package coupon_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/coupon"
)

// Errors of one code are equal, whatever their words and wrapping; others are not.
func TestErrorsAreEqualByCode(t *testing.T) {
	t.Parallel()
	worded := coupon.Decide([]coupon.Claim{{Count: 2}}, coupon.Limit{}, 1, nil)[0].Refusal
	require.NotEqual(t, coupon.ErrSoldOut.Message, worded.Message)
	require.Equal(t, coupon.ErrSoldOut.Kind, worded.Kind)
	require.ErrorIs(t, fmt.Errorf("claim: %w", worded), coupon.ErrSoldOut)
	require.NotErrorIs(t, worded, coupon.ErrLimitReached)
	require.NotErrorIs(t, worded, errors.New(worded.Message))
}

// Codes are what clients program against: each error has its own, and each
// message is a sentence.
func TestEveryErrorHasACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	require.Greater(t, len(coupon.Catalogue()), 30)
	for _, err := range coupon.Catalogue() {
		require.False(t, seen[err.Code], err.Code)
		seen[err.Code] = true
		require.Regexp(t, `^[a-z_]+$`, err.Code)
		require.Regexp(t, `^[A-Z].*\.$`, err.Error())
		require.NotEmpty(t, err.Kind)
	}
}

// Input is wrong in all the places that are named.
func TestInvalidInputNamesItsFields(t *testing.T) {
	t.Parallel()
	fields := []coupon.Field{{Pointer: "/a", Detail: "is odd"}, {Pointer: "/b", Detail: "is even"}}
	err := coupon.InvalidInput(fields...)
	require.Equal(t, coupon.Invalid, err.Kind)
	require.Equal(t, fields, err.Fields)
}
