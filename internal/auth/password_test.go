package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

func newPasswords(t *testing.T) *auth.Passwords {
	t.Helper()
	passwords, err := auth.NewPasswords()
	require.NoError(t, err)
	return passwords
}

// A password matches its own hash only; the hash is salted, names OWASP's
// parameters, and does not hold the password.
func TestPasswords(t *testing.T) {
	t.Parallel()
	passwords := newPasswords(t)
	hash, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, hash)
	require.NotContains(t, hash, "correct horse")
	again, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.NotEqual(t, hash, again)

	for password, want := range map[string]bool{"correct horse": true, "Correct horse": false, "correct horse ": false, "": false} {
		matches, err := passwords.Matches(t.Context(), password, &hash)
		require.NoError(t, err)
		require.Equal(t, want, matches, password)
	}
}

// An account without a password, or none at all, is refused whatever the
// password, even the one that its comparison is made with.
func TestWithoutAHashNothingMatches(t *testing.T) {
	t.Parallel()
	passwords := newPasswords(t)
	for _, password := range []string{"", "correct horse", "no account has this password"} {
		matches, err := passwords.Matches(t.Context(), password, nil)
		require.NoError(t, err)
		require.False(t, matches, password)
	}
}

// That refusal takes as long as a wrong password: time does not tell who has
// an account. A comparison takes some 20 ms, and a shortcut none.
func TestAnUnknownAccountTakesAsLong(t *testing.T) {
	t.Parallel()
	passwords := newPasswords(t)
	hash, err := passwords.Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	fastest := func(hash *string) time.Duration {
		best := time.Hour
		for range 4 {
			start := time.Now()
			_, err := passwords.Matches(t.Context(), "wrong horse", hash)
			require.NoError(t, err)
			best = min(best, time.Since(start))
		}
		return best
	}
	require.Greater(t, fastest(nil), fastest(&hash)/3)
}

// A stored hash that cannot be read is an error, not a wrong password.
func TestABrokenHashIsAnError(t *testing.T) {
	t.Parallel()
	broken := "$argon2id$v=19$nonsense"
	matches, err := newPasswords(t).Matches(t.Context(), "correct horse", &broken)
	require.Error(t, err)
	require.False(t, matches)
}

// Who has gone away does not have his password hashed.
func TestACallerWhoLeftTakesNoSlot(t *testing.T) {
	t.Parallel()
	passwords := newPasswords(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := passwords.Hash(gone, "correct horse")
	require.ErrorIs(t, err, context.Canceled)
	_, err = passwords.Matches(gone, "correct horse", nil)
	require.ErrorIs(t, err, context.Canceled)
}
