package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

// A new key splits into the prefix to find it by and the secret whose digest
// is stored; no two keys are alike, and the text is all there is to leak.
func TestNewKeysSplitAndMatch(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 500 {
		text, prefix, digest := auth.NewKey()
		require.Regexp(t, `^cbk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$`, text)
		require.True(t, auth.IsKey(text))
		require.Len(t, digest, 32)

		found, secret, ok := auth.SplitKey(text)
		require.True(t, ok)
		require.Equal(t, prefix, found)
		require.Equal(t, text, "cbk_"+prefix+"_"+secret)
		require.True(t, auth.SecretMatches(secret, digest))
		require.NotContains(t, string(digest), secret)

		require.False(t, seen[prefix])
		seen[prefix] = true
	}
}

// Any other secret, however near, does not match.
func TestAnotherSecretDoesNotMatch(t *testing.T) {
	t.Parallel()
	text, _, digest := auth.NewKey()
	_, _, other := auth.NewKey()
	_, secret, _ := auth.SplitKey(text)
	require.False(t, auth.SecretMatches(secret, other))
	require.False(t, auth.SecretMatches(secret, nil))
	require.False(t, auth.SecretMatches(secret, digest[:31]))
	require.False(t, auth.SecretMatches("", digest))
	require.False(t, auth.SecretMatches(secret[1:], digest))
	require.False(t, auth.SecretMatches(secret+"A", digest))
	require.False(t, auth.SecretMatches(text, digest))
}

func TestWhatIsNoKeyDoesNotSplit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "cbk_", "cbk__secret", "cbk_0123456789ab", "cbk_0123456789a_secret", "cbk_0123456789abc_secret",
		"0123456789ab_secret", "CBK_0123456789ab_secret", " cbk_0123456789ab_secret", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
	} {
		_, _, ok := auth.SplitKey(text)
		require.False(t, ok, text)
	}
	prefix, secret, ok := auth.SplitKey("cbk_0123456789ab_se_cret") // base64url has an underscore
	require.True(t, ok)
	require.Equal(t, "0123456789ab", prefix)
	require.Equal(t, "se_cret", secret)
}
