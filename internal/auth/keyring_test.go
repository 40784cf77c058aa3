package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

const (
	secret = "0123456789abcdef0123456789abcdef" // as short as is allowed
	other  = "another secret of thirty-two byte"
)

func keyring(t *testing.T, secret, previous string) auth.Keyring {
	t.Helper()
	keys, err := auth.NewKeyring(secret, previous)
	require.NoError(t, err)
	return keys
}

// A secret that can be guessed is refused, with its length and the least one.
func TestAShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][2]string{{secret[1:], ""}, {"", ""}, {secret, secret[1:]}} {
		_, err := auth.NewKeyring(secrets[0], secrets[1])
		require.ErrorContains(t, err, "at least 32")
	}
	_, err := auth.NewKeyring(secret[1:], "")
	require.ErrorContains(t, err, "31 bytes")
	_, err = auth.NewKeyring(secret, secret)
	require.ErrorContains(t, err, "the same")
}

// A proof is of its data, its purpose and its installation; it has the size
// that was asked for.
func TestProofs(t *testing.T) {
	t.Parallel()
	signer, data := keyring(t, secret, "").Signer("one", 16), []byte("data")
	proof := signer.Sign(data)
	require.Len(t, proof, signer.Size())
	require.True(t, keyring(t, secret, "").Signer("one", 16).Proves(proof, data))
	require.False(t, signer.Proves(proof, []byte("Data")))
	require.False(t, signer.Proves(proof[:15], data))
	require.False(t, signer.Proves(nil, data))
	require.False(t, keyring(t, secret, "").Signer("two", 16).Proves(proof, data))
	require.False(t, keyring(t, other, "").Signer("one", 16).Proves(proof, data))
}

// While a secret is being replaced, what the old one signed is believed, and
// the new one signs.
func TestRotation(t *testing.T) {
	t.Parallel()
	data := []byte("data")
	before := keyring(t, secret, "").Signer("one", 32)
	during := keyring(t, other, secret).Signer("one", 32)
	after := keyring(t, other, "").Signer("one", 32)
	require.True(t, during.Proves(before.Sign(data), data))
	require.True(t, after.Proves(during.Sign(data), data))
	require.False(t, before.Proves(during.Sign(data), data))
	require.False(t, after.Proves(before.Sign(data), data))
}
