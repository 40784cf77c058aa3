package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

// What is tried first is guessable: common passwords, whatever stands behind
// them, what everybody knows of somebody; some words of one's own are not.
func TestGuessable(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"password", "Password", "PASSWORD123!!", "1234567890", "qwertyuiop", "1q2w3e4r5t", "basketball", "aaaaaaaaaaaaa", "ben.jones1", "Jonathan99"} {
		require.True(t, auth.Guessable(password, "ben.jones@example.com", "Jonathan Jones"), password)
	}
	for _, password := range []string{"a long enough password", "correct horse battery staple", "couponbook-demo", "ben.jones goes to the sea", "tGf7-kk2m-0zQw"} {
		require.False(t, auth.Guessable(password, "ben.jones@example.com", "Jonathan Jones", ""), password)
	}
	require.False(t, auth.Guessable("", ""), "that it is too short is for others to say")
}
