package auth_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

// A token proves its own lock and no other; it is the same in every process
// with the secret, and nobody makes one without.
func TestLockTokens(t *testing.T) {
	t.Parallel()
	tokens, lock := auth.NewLockTokens(keyring(t, secret, "")), uuid.New()
	token := tokens.Of(lock)
	require.Len(t, token, 22)
	require.True(t, auth.NewLockTokens(keyring(t, secret, "")).Proves(&lock, token))
	require.False(t, tokens.Proves(new(uuid.New()), token))
	require.False(t, tokens.Proves(&lock, ""))
	require.False(t, tokens.Proves(&lock, token+"x"))
	require.False(t, tokens.Proves(nil, token))
	require.False(t, auth.NewLockTokens(keyring(t, other, "")).Proves(&lock, token))
}
