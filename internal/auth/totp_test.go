package auth_test

import (
	"encoding/base32"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"couponbook/internal/auth"
)

// The codes are those of RFC 6238, appendix B (the last six of their eight
// digits), good for half a minute before and after, as well.
func TestCodesOfAnApp(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for unix, code := range map[int64]string{
		59: "287082", 1_111_111_109: "081804", 1_111_111_111: "050471", 1_234_567_890: "005924", 2_000_000_000: "279037", 20_000_000_000: "353130",
	} {
		now := time.Unix(unix, 0)
		for _, apart := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
			step, ok := auth.TOTPStep(secret, code, now.Add(apart))
			require.True(t, ok, "%d %s", unix, apart)
			require.Equal(t, unix/30, step)
		}
		for _, apart := range []time.Duration{-90 * time.Second, 90 * time.Second} {
			_, ok := auth.TOTPStep(secret, code, now.Add(apart))
			require.False(t, ok, "%d %s", unix, apart)
		}
		_, ok := auth.TOTPStep(secret, " "+code[:3]+" "+code[3:]+" ", now)
		require.True(t, ok, "as apps show it")
	}
	for _, wrong := range []string{"", "0", "28708", "2870822", "287083", "287 08", "٢٨٧٠٨٢"} {
		_, ok := auth.TOTPStep(secret, wrong, time.Unix(59, 0))
		require.False(t, ok, wrong)
	}
}

func TestNewApp(t *testing.T) {
	t.Parallel()
	secret, text, err := auth.NewTOTP("ann+1@example.com")
	require.NoError(t, err)
	require.Regexp(t, `^[A-Z2-7]{32}$`, secret, "160 bits")
	parsed, err := url.Parse(text)
	require.NoError(t, err)
	require.Equal(t, "otpauth", parsed.Scheme)
	require.Equal(t, "/couponbook:ann+1@example.com", parsed.Path)
	require.Equal(t, secret, parsed.Query().Get("secret"))
	require.Equal(t, "couponbook", parsed.Query().Get("issuer"))
	another, _, err := auth.NewTOTP("ann+1@example.com")
	require.NoError(t, err)
	require.NotEqual(t, secret, another)
}

// Recovery codes are all different, and known however they are typed.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	codes, digests := auth.NewRecoveryCodes()
	require.Len(t, codes, 10)
	seen := map[string]bool{}
	for i, code := range codes {
		require.Regexp(t, `^([a-z2-7]{4}-){3}[a-z2-7]{4}$`, code)
		require.Equal(t, digests[i], auth.RecoveryDigest(code))
		require.Equal(t, digests[i], auth.RecoveryDigest(" "+code[:4]+" "+code[5:9]+code[10:]+" "))
		seen[code] = true
	}
	require.Len(t, seen, 10)
}
